package io.github.bigllama.cli.option;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.option.FlashAttention;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SamplingOptions.Dry;
import io.github.bigllama.core.option.SamplingOptions.Mirostat;
import io.github.bigllama.core.option.SamplingOptions.Penalties;
import io.github.bigllama.core.option.SamplingOptions.Xtc;
import io.github.bigllama.core.option.SessionOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** From arguments to the records of the library. */
class OptionMappingTest {
    private static final float TEMPERATURE = 0.8f;

    private static GenerationSettings parse(String... args) {
        GenerationSettings settings = new GenerationSettings();
        new CommandLine(settings).parseArgs(args);
        return settings;
    }

    private static ModelOptions model(String... args) {
        return parse(args).model.toOptions();
    }

    private static SessionOptions session(String... args) {
        return parse(args).session.toOptions(131072);
    }

    private static SamplingOptions sampling(String... args) {
        return parse(args).sampling.toOptions(TEMPERATURE);
    }

    private static GenerationOptions generation(String... args) {
        return parse(args).generation.toOptions(SamplingOptions.defaults());
    }

    @Test
    void withoutArgumentsTheyAreTheDefaultsOfTheLibrary() {
        assertThat(model()).isEqualTo(ModelOptions.defaults());
        assertThat(session("-c", "auto")).isEqualTo(SessionOptions.defaults());
        assertThat(sampling()).isEqualTo(SamplingOptions.defaults());
        assertThat(generation()).isEqualTo(GenerationOptions.defaults());
    }

    @ParameterizedTest
    @CsvSource({
        "'',                  AUTO",
        "--mmap,              MMAP",
        "--no-mmap,           NONE",
        "--mlock,             MMAP_MLOCK",
        "--mmap --mlock,      MMAP_MLOCK",
        "--no-mmap --mlock,   MLOCK",
        "--direct-io,         DIRECT_IO",
        "--direct-io --no-mmap, DIRECT_IO",
    })
    void loadModes(String args, LoadMode mode) {
        String[] split = args.isEmpty() ? new String[0] : args.split(" ");
        assertThat(model(split).loadMode()).isEqualTo(mode);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--direct-io --mlock", "--direct-io --mmap"})
    void loadModesThatExcludeEachOther(String args) {
        assertThatThrownBy(() -> model(args.split(" ")))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("leave out one of them");
    }

    @Test
    void modelOptions() {
        ModelOptions options =
                model(
                        "--no-repack",
                        "-ngl",
                        "7",
                        "--device",
                        "CUDA0,CPU",
                        "--device",
                        "RPC0",
                        "--override-kv",
                        "a.b=int:42",
                        "--override-kv",
                        "c=float:1e-5",
                        "--override-kv",
                        "d=bool:true",
                        "--override-kv",
                        "e=str:x:y=z");
        assertThat(options.repack()).isFalse();
        assertThat(options.gpuLayers()).isEqualTo(7);
        assertThat(options.devices()).containsExactly("CUDA0", "CPU", "RPC0");
        assertThat(options.metadataOverrides())
                .isEqualTo(Map.of("a.b", 42L, "c", 1e-5, "d", true, "e", "x:y=z"));
        assertThat(options.expertProfile()).isTrue();
        assertThat(options.mirror()).isEmpty();
    }

    @Test
    void whatIsReadFromDisk() {
        ModelOptions options = model("--mirror", "/disk/copy.gguf", "--no-expert-profile");
        assertThat(options.mirror()).contains(Path.of("/disk/copy.gguf"));
        assertThat(options.expertProfile()).isFalse();
        assertThatThrownBy(() -> model("--mirror", "copy.gguf", "--no-mmap"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("--mirror")
                .hasMessageContaining("leave out one of them");
    }

    @ParameterizedTest
    @CsvSource({
        "k=5,         'its type must be int, float, bool or str'",
        "k=short:5,   'its type must be int, float, bool or str'",
        "k=int:x,     '''x'' is not a valid int'",
        "k=float:x,   '''x'' is not a valid float'",
        "k=bool:yes,  '''yes'' is neither true nor false'",
    })
    void overridesThatAreNone(String override, String reason) {
        assertThatThrownBy(() -> model("--override-kv", override))
                .isInstanceOf(CommandException.class)
                .hasMessageStartingWith("--override-kv " + override + ": " + reason);
    }

    @Test
    void sessionOptions() {
        SessionOptions options =
                session(
                        "-c",
                        "2000",
                        "-b",
                        "300",
                        "-ub",
                        "200",
                        "-t",
                        "3",
                        "--threads-batch",
                        "5",
                        "-ctk",
                        "q8_0",
                        "--cache-type-v",
                        "Q4_0",
                        "-fa",
                        "on");
        assertThat(options)
                .isEqualTo(
                        SessionOptions.defaults()
                                .withContextSize(2000)
                                .withBatchSizes(300, 200)
                                .withThreads(3, 5)
                                .withKvTypes(KvType.Q8_0, KvType.Q4_0)
                                .withFlashAttention(FlashAttention.ENABLED));
        assertThat(session("-fa", "off").flashAttention()).isEqualTo(FlashAttention.DISABLED);
        assertThat(session("-fa", "auto").flashAttention()).isEqualTo(FlashAttention.AUTO);
    }

    @Test
    void aHugeContextIsOnlyForWhoAsksForIt() {
        assertThat(parse().session.toOptions(131072).contextSize()).isEqualTo(4096);
        assertThat(parse().session.toOptions(1024).contextSize()).isEqualTo(1024);
        assertThat(parse("-c", "0").session.toOptions(131072).contextSize()).isZero();
        assertThat(parse("-c", "9000").session.toOptions(1024).contextSize()).isEqualTo(9000);
    }

    @Test
    void aSmallBatchNeedsNoMicroBatch() {
        assertThat(session("-b", "64").microBatchSize()).isZero();
        assertThat(session("-b", "4096").microBatchSize()).isZero();
        assertThatThrownBy(() -> session("-b", "64", "-ub", "65"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("microBatchSize is 65, must be 0 to 64");
    }

    @Test
    void samplingOptions() {
        SamplingOptions options =
                sampling(
                        "--temp",
                        "0.5",
                        "--top-k",
                        "11",
                        "--top-p",
                        "0.6",
                        "--min-p",
                        "0.07",
                        "--typical-p",
                        "0.8",
                        "--repeat-last-n",
                        "12",
                        "--repeat-penalty",
                        "1.1",
                        "--presence-penalty",
                        "-0.2",
                        "--frequency-penalty",
                        "0.3",
                        "--dry-multiplier",
                        "0.4",
                        "--dry-base",
                        "1.5",
                        "--dry-allowed-length",
                        "3",
                        "--dry-penalty-last-n",
                        "13",
                        "--dry-sequence-breaker",
                        ";",
                        "--xtc-probability",
                        "0.9",
                        "--xtc-threshold",
                        "0.2",
                        "--mirostat",
                        "2",
                        "--mirostat-lr",
                        "0.15",
                        "--mirostat-ent",
                        "4",
                        "--seed",
                        "4294967294",
                        "--logit-bias",
                        "5=-inf",
                        "--logit-bias",
                        "6=1.5");
        assertThat(options)
                .isEqualTo(
                        new SamplingOptions(
                                0.5f,
                                11,
                                0.6f,
                                0.07f,
                                0.8f,
                                new Penalties(12, 1.1f, 0.3f, -0.2f),
                                new Dry(0.4f, 1.5f, 3, 13, List.of(";")),
                                new Xtc(0.9f, 0.2f),
                                new Mirostat(2, 4, 0.15f),
                                -2,
                                Map.of(5, Float.NEGATIVE_INFINITY, 6, 1.5f),
                                List.of(),
                                Optional.empty()));
    }

    @Test
    void temperature() {
        assertThat(sampling("--greedy").temperature()).isZero();
        assertThat(sampling("--greedy", "--temp", "0").temperature()).isZero();
        assertThat(parse().sampling.toOptions(0).temperature()).isZero();
        assertThat(parse("--temp", "0.3").sampling.toOptions(0).temperature()).isEqualTo(0.3f);
        assertThatThrownBy(() -> sampling("--greedy", "--temp", "1"))
                .isInstanceOf(CommandException.class);
    }

    @Test
    void seedsAndBreakers() {
        assertThat(sampling("-s", "-1").seed()).isEqualTo(SamplingOptions.RANDOM_SEED);
        assertThat(sampling("-s", "42").seed()).isEqualTo(42);
        assertThat(sampling("--dry-sequence-breaker", "none").dry().sequenceBreakers()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--seed x",
                "--seed 4294967296",
                "--logit-bias x=1",
                "--logit-bias 1=x",
                "--logit-bias 1",
                "-ctk q9",
                "-fa maybe",
                "--top-k 1.5",
                "-n",
                "--mlock=yes no"
            })
    void valuesThatAreNone(String args) {
        assertThatThrownBy(() -> parse(args.split(" ")))
                .isInstanceOf(CommandLine.ParameterException.class);
    }

    @Test
    void generationOptions() {
        GenerationOptions options = generation("-n", "-1", "--stop", "a b", "--stop", ",");
        assertThat(options.maxTokens()).isEqualTo(-1);
        assertThat(options.stopStrings()).containsExactly("a b", ",");
        assertThat(generation("-n", "0").maxTokens()).isZero();
    }

    @Test
    void chatOptions() {
        GenerationArguments args =
                parse("--system", "Be brief.", "--chat-template", "chatml").generation;
        assertThat(args.hasChatOptions()).isTrue();
        assertThat(args.toChatOptions().system()).isEqualTo(Optional.of("Be brief."));
        assertThat(args.toChatOptions().template()).isEqualTo(Optional.of("chatml"));
        assertThat(parse().generation.hasChatOptions()).isFalse();
    }
}
