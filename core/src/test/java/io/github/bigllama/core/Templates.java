package io.github.bigllama.core;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The chat templates that llama.cpp comes with, as its own program of them prints them. */
final class Templates {
    private Templates() {}

    static String of(String name) throws Exception {
        try (Stream<Path> platforms = Files.list(Path.of(System.getProperty("bigllama.natives")))) {
            byte[] bytes =
                    Files.readAllBytes(
                            platforms.findFirst().orElseThrow().resolve("templates.txt"));
            String all = new String(bytes, StandardCharsets.ISO_8859_1);
            String head = name + " source ";
            int line = all.indexOf(head);
            int start = all.indexOf('\n', line) + 1;
            int length = Integer.parseInt(all.substring(line + head.length(), start - 1));
            return new String(bytes, start, length, StandardCharsets.UTF_8);
        }
    }
}
