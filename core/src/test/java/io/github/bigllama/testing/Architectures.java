package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.internal.synthetic.Architecture;
import io.github.bigllama.internal.synthetic.RandomModel;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Random models of architectures for tests, written where a test wants them. */
public final class Architectures {
    private Architectures() {}

    /** The smallest model of an architecture. */
    public static Path write(Path folder, String name) throws IOException {
        return write(folder, Architecture.of(name));
    }

    public static Path write(Path folder, Architecture architecture) throws IOException {
        Path file = folder.resolve(architecture.name() + ".gguf");
        RandomModel.write(file, architecture, Gguf.read(DemoModel.PATH), false, fraction -> true);
        // What is not on the disk yet can't be dropped from RAM.
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        return file;
    }
}
