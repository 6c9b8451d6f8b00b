package io.github.bigllama.cli.option;

import io.github.bigllama.cli.models.ProjectorFile;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.option.ModelOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options for the projector, which lets a model see or hear. */
public final class ProjectorArguments {
    @Option(
            names = {"-mm", "--mmproj"},
            paramLabel = "FILE",
            description =
                    "The projector that lets the model see or hear. Default: the one beside the "
                            + "model, whose name has mmproj in it.")
    @Nullable Path file;

    @Option(
            names = {"--no-mmproj", "--no-mmproj-auto"},
            description = "Do not use a projector that is beside the model.")
    boolean none;

    /** Whether one was named. */
    public boolean isGiven() {
        return file != null;
    }

    /**
     * The options of a model with the projector, if there is one.
     *
     * @param needed why one is needed; null if it is not
     */
    public ModelOptions with(ModelOptions options, Path model, @Nullable String needed) {
        if (none && (file != null || needed != null)) {
            throw CommandException.usage(
                    (needed == null ? "--mmproj names a projector" : needed)
                            + ", and --no-mmproj leaves it out; leave out one of them");
        }
        Optional<Path> found = find(model);
        if (found.isEmpty() && needed != null) {
            throw CommandException.usage(
                    needed
                            + ", which takes a projector (mmproj), and there is none beside "
                            + model
                            + "; name one with --mmproj FILE");
        }
        return found.map(options::withProjector).orElse(options);
    }

    /** The projector that was named, or the one beside a model. */
    public Optional<Path> find(Path model) {
        return file != null
                ? Optional.of(ModelArguments.file(file))
                : none ? Optional.empty() : ProjectorFile.beside(model);
    }

    /**
     * Loads what uses a projector, and says how to leave out one that the user has not named.
     *
     * @param used the projector; null for none
     */
    public <T> T load(@Nullable Path used, Supplier<T> loading) {
        try {
            return loading.get();
        } catch (ModelLoadException e) {
            if (file == null && e.path().equals(used)) {
                throw new ModelLoadException(
                        e.path(),
                        e.getMessage() + "; it is beside the model, and --no-mmproj leaves it out",
                        List.of(),
                        e);
            }
            throw e;
        }
    }
}
