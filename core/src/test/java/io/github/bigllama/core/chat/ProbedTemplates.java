package io.github.bigllama.core.chat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/** What template-probe printed: by template, by variant. */
final class ProbedTemplates {
    private ProbedTemplates() {}

    static Map<String, Map<String, String>> read() throws IOException {
        Map<String, Map<String, String>> probed = new LinkedHashMap<>();
        Path folder = Path.of(System.getProperty("bigllama.natives"));
        try (Stream<Path> platforms = Files.list(folder)) {
            Path file = platforms.findFirst().orElseThrow().resolve("templates.txt");
            byte[] bytes = Files.readAllBytes(file);
            int at = 0;
            while (at < bytes.length) {
                int line = at;
                while (bytes[line] != '\n') {
                    line++;
                }
                String[] words =
                        new String(bytes, at, line - at, StandardCharsets.UTF_8).split(" ");
                int length = Integer.parseInt(words[2]);
                probed.computeIfAbsent(words[0], name -> new LinkedHashMap<>())
                        .put(words[1], new String(bytes, line + 1, length, StandardCharsets.UTF_8));
                at = line + 1 + length + 1;
            }
        }
        return probed;
    }

    /** The Jinja source of a template. */
    static String source(String name) throws IOException {
        return read().get(name).get("source");
    }
}
