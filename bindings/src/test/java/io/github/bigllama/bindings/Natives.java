package io.github.bigllama.bindings;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.commons.io.IOUtils;

/** What the native jar holds for this platform, and changed copies of it. */
final class Natives {
    static final String FOLDER = "io/github/bigllama/natives/" + Platform.describe() + "/";

    private Natives() {}

    static byte[] bytes(String file) {
        try (InputStream in = Natives.class.getClassLoader().getResourceAsStream(FOLDER + file)) {
            if (in == null) {
                throw new AssertionError("bigllama-native has no " + FOLDER + file);
            }
            return IOUtils.toByteArray(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String text(String file) {
        return new String(bytes(file), UTF_8);
    }

    static NativeManifest manifest() throws IOException {
        return NativeManifest.parse(bytes(NativeManifest.FILE_NAME));
    }

    /** The manifest's text with other values: {@code name=value}. */
    static String manifestWith(String... properties) {
        List<String> lines = new ArrayList<>(text(NativeManifest.FILE_NAME).lines().toList());
        for (String property : properties) {
            String name = property.substring(0, property.indexOf('=') + 1);
            lines.removeIf(line -> line.startsWith(name));
            lines.add(property);
        }
        return lines.stream().collect(Collectors.joining("\n", "", "\n"));
    }

    /** The libraries and backends, without the manifest. */
    static Path copyTo(Path directory) throws IOException {
        Files.createDirectories(directory);
        for (String file : manifest().files()) {
            Files.write(directory.resolve(file), bytes(file));
        }
        return directory;
    }

    /** A class path folder that hides the jar's manifest. */
    static Path hideManifest(Path directory, String manifest) throws IOException {
        Path folder = Files.createDirectories(directory.resolve(FOLDER));
        Files.writeString(folder.resolve(NativeManifest.FILE_NAME), manifest);
        return directory;
    }

    /** Makes a library say another release, of at most as many letters. */
    static void setRelease(Path library, String release) throws IOException {
        byte[] content = Files.readAllBytes(library);
        String text = new String(content, ISO_8859_1);
        String pinned = NativeLibrary.PINNED_VERSION.substring(1);
        int at =
                Math.max(text.indexOf("\0" + pinned + "-dev\0"), text.indexOf("\0" + pinned + "\0"))
                        + 1;
        if (at == 0) {
            throw new AssertionError(library + " does not hold its release");
        }
        byte[] name = release.getBytes(ISO_8859_1);
        Arrays.fill(content, at, text.indexOf('\0', at), (byte) 0);
        System.arraycopy(name, 0, content, at, name.length);
        Files.write(library, content);
    }
}
