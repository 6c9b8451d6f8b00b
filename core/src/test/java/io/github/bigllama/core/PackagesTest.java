package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;

/** Dependencies between packages go one way. */
class PackagesTest {
    /** From top to bottom: each package may use only those after it. */
    private static final List<String> ORDER =
            List.of(
                    "core.chat",
                    "internal.chat",
                    "core.eval",
                    "core",
                    "core.forecast",
                    "core.quantize",
                    "internal.synthetic",
                    "internal.draft",
                    "internal.engine",
                    "internal.media",
                    "internal.threads",
                    "internal.graph",
                    "internal.load",
                    "internal.pager",
                    "internal.arena",
                    "internal.pieces",
                    "core.inspect",
                    "internal.check",
                    "core.option",
                    "core.structure",
                    "internal.types",
                    "internal.schema",
                    "internal.schema.value",
                    "internal.regex",
                    "internal.llama",
                    "core.residency",
                    "core.gguf",
                    "core.media",
                    "internal.text",
                    "internal.pagecache",
                    "internal.system",
                    "core.exception");

    private static final Pattern ARROW =
            Pattern.compile("io\\.github\\.bigllama\\.(\\S+) +-> io\\.github\\.bigllama\\.(\\S+) ");

    @Test
    void arrowsGoDown() throws Exception {
        Path classes =
                Path.of(
                        LlamaModel.class
                                .getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                                .toURI());
        StringWriter out = new StringWriter();
        int status =
                ToolProvider.findFirst("jdeps")
                        .orElseThrow()
                        .run(
                                new PrintWriter(out),
                                new PrintWriter(out),
                                "-verbose:package",
                                "--ignore-missing-deps",
                                "-filter:none",
                                classes.resolve("io").toString());
        assertThat(status).as(out.toString()).isZero();
        List<String> arrows =
                ARROW.matcher(out + " ")
                        .results()
                        .filter(arrow -> !arrow.group(2).startsWith("bindings"))
                        .map(arrow -> arrow.group(1) + " " + arrow.group(2))
                        .toList();
        assertThat(arrows).contains("core.chat core", "core internal.engine");
        for (String arrow : arrows) {
            String[] ends = arrow.split(" ");
            assertThat(ORDER).contains(ends);
            assertThat(ORDER.indexOf(ends[0]))
                    .as(ends[0] + " knows " + ends[1])
                    .isLessThanOrEqualTo(ORDER.indexOf(ends[1]));
        }
    }
}
