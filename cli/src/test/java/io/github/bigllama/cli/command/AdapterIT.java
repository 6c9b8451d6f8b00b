package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** LoRA adapters and control vectors of commands: both change what the demo model says. */
class AdapterIT {
    private static final String FRANCE = "What is the capital of France?";
    private static final String PARIS = "The capital of France is Paris.\n";

    @TempDir static Path folder;

    private static Path lora;
    private static Path vector;

    private final Bundle bundle = Bundle.built();

    @BeforeAll
    static void write() throws IOException {
        lora = folder.resolve("waves, of rank 1.gguf");
        GgufWriter adapter =
                new GgufWriter()
                        .put("general.type", new GgufValue.Text("adapter"))
                        .put("general.architecture", new GgufValue.Text("llama"))
                        .put("adapter.type", new GgufValue.Text("lora"))
                        .put("adapter.lora.alpha", new GgufValue.Real(GgufValueType.FLOAT32, 1));
        for (String matrix : List.of("blk.2.attn_output.weight", "blk.3.attn_output.weight")) {
            add(adapter, matrix + ".lora_a", List.of(256L, 1L), Math::sin);
            add(adapter, matrix + ".lora_b", List.of(1L, 256L), i -> 3 * Math.cos(i));
        }
        adapter.write(lora, fraction -> true);
        vector = folder.resolve("vector.gguf");
        GgufWriter directions =
                new GgufWriter().put("general.architecture", new GgufValue.Text("controlvector"));
        for (int layer = 1; layer <= 3; layer++) {
            add(directions, "direction." + layer, List.of(256L), i -> 20 * Math.cos(i));
        }
        directions.write(vector, fraction -> true);
    }

    private static void add(
            GgufWriter writer, String name, List<Long> shape, IntToDoubleFunction values) {
        writer.add(
                name,
                GgmlType.F32,
                shape,
                (tensor, out) -> {
                    ByteBuffer bytes =
                            ByteBuffer.allocate((int) tensor.size()).order(ByteOrder.LITTLE_ENDIAN);
                    for (int i = 0; bytes.hasRemaining(); i++) {
                        bytes.putFloat((float) values.applyAsDouble(i));
                    }
                    out.write(bytes.array());
                });
    }

    private String run(String... adapters) {
        return run(0, adapters).out();
    }

    private Result run(int exitCode, String... adapters) {
        String[] all = new String[adapters.length + 4];
        all[0] = "run";
        all[1] = FRANCE;
        all[2] = "-n";
        all[3] = "20";
        System.arraycopy(adapters, 0, all, 4, adapters.length);
        Result result = bundle.run(all);
        assertThat(result.exitCode()).as(result.err()).isEqualTo(exitCode);
        return result;
    }

    @Test
    void changeAnAnswer() {
        String quoted = "\"" + lora + "\"";
        String changed = run("--lora", quoted);
        assertThat(changed).isNotEqualTo(PARIS);
        assertThat(run("--lora-scaled", quoted + ":1")).isEqualTo(changed);
        assertThat(run("--lora-scaled", quoted + ":0")).isEqualTo(PARIS);
        // Together they are nothing.
        assertThat(run("--lora", quoted, "--lora-scaled", quoted + ":-1")).isEqualTo(PARIS);
        assertThat(run("--lora-scaled", quoted + ":0.25," + quoted + ":0.75")).isEqualTo(changed);
    }

    @Test
    void vectorsSteer() {
        String steered = run("--control-vector", vector.toString());
        assertThat(steered).isNotEqualTo(PARIS);
        assertThat(run("--control-vector-scaled", vector + ":0")).isEqualTo(PARIS);
        assertThat(
                        run(
                                "--control-vector",
                                vector.toString(),
                                "--control-vector-layer-range",
                                "1",
                                "3"))
                .isEqualTo(steered);
        String[] outside = {
            "--control-vector", vector.toString(), "--control-vector-layer-range", "4", "4"
        };
        assertThat(run(1, outside).complaint())
                .contains("limited to layers from 4 on, but those that it can steer are 1 to 3");
    }

    @Test
    void aChatSwapsThem() {
        Result chat =
                bundle.runWith(
                        """
                        /lora
                        %1$s
                        /lora %2$s 0.5
                        /lora 2 1
                        /lora
                        %1$s
                        /lora drop 2
                        /reset
                        %1$s
                        /lora drop 7
                        /lora none.gguf
                        /lora 1 2 3
                        """
                                .formatted(FRANCE, lora),
                        "chat",
                        "--commands",
                        "-n",
                        "20",
                        "--control-vector-scaled",
                        vector + ":0",
                        "--control-vector-layer-range",
                        "1",
                        "3");
        assertThat(chat.out()).startsWith(PARIS).endsWith(PARIS);
        assertThat(chat.out().lines().distinct()).hasSizeGreaterThan(1);
        assertThat(chat.complaint())
                .contains("1 " + vector + ":0.0", "2 " + lora + ":1.0")
                .contains("there is no adapter number 7", "none.gguf");
    }

    @Test
    void aSessionBelongsToTheAdapters() {
        String file = folder.resolve("adapters.session").toString();
        String quoted = "\"" + lora + "\"";
        String first = run("--lora", quoted, "--session", file);
        assertThat(first).isNotEqualTo(PARIS);
        assertThat(run("--lora", quoted, "--session", file)).isNotEmpty();
        assertThat(run(1, "--session", file).complaint())
                .contains(
                        "was computed with other adapters: %s:1.0; this session has none"
                                .formatted(lora.getFileName()));
    }

    @Test
    void vectorsAndPerplexityChange() throws IOException {
        String text = "One, two, three, four, five, six, seven, eight, nine, ten.\n".repeat(20);
        Path file = Files.writeString(folder.resolve("text"), text);
        String quoted = "\"" + lora + "\"";
        String[] perplexity = {"perplexity", "-f", file.toString(), "-c", "64"};
        String plain = bundle.run(perplexity).out();
        Result adapted =
                bundle.run("perplexity", "-f", file.toString(), "-c", "64", "--lora", quoted);
        assertThat(adapted.exitCode()).as(adapted.err()).isZero();
        assertThat(adapted.out()).isNotEqualTo(plain);
        assertThat(bundle.run("embed", "One", "--lora", quoted).out())
                .isNotEqualTo(bundle.run("embed", "One").out())
                .hasLineCount(1);
    }

    @Test
    void wrongOnesAreOneLine() {
        assertThat(run(1, "--lora", "none.gguf").complaint()).hasLineCount(1).contains("none.gguf");
        assertThat(run(1, "--lora", bundle.demoModel().toString()).complaint())
                .hasLineCount(1)
                .contains("is a language model", "give a LoRA adapter");
        assertThat(run(1, "-m", vector.toString()).complaint())
                .hasLineCount(1)
                .contains("is a control vector", "and this one as its adapter");
        assertThat(run(2, "--lora", vector.toString()).complaint())
                .hasLineCount(1)
                .contains("--lora " + vector + ": it is a control vector");
        assertThat(run(2, "--control-vector", "\"" + lora + "\"").complaint())
                .contains("--control-vector " + lora + ": it is a LoRA adapter");
        assertThat(run(2, "--lora-scaled", "x.gguf").complaint())
                .hasLineCount(1)
                .contains("--lora-scaled x.gguf is not FILE:SCALE");
        assertThat(run(2, "--lora-scaled", "x.gguf:much").complaint()).contains("not FILE:SCALE");
        assertThat(run(2, "--control-vector-layer-range", "1", "2").complaint())
                .contains("needs a --control-vector");
        Result serve = bundle.run("serve", "--port", "0", "--lora", bundle.demoModel().toString());
        assertThat(serve.exitCode()).isEqualTo(1);
        assertThat(serve.complaint())
                .hasLineCount(1)
                .contains("is a language model", "give a LoRA adapter");
    }
}
