package io.github.bigllama.cli.option;

import io.github.bigllama.cli.models.ProjectorFile;
import io.github.bigllama.cli.models.ProjectorFit;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.option.ModelOptions;
import java.io.PrintStream;
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
                    "The projector that lets the model see or hear. Default: one beside the "
                            + "model that fits it, whose name has mmproj in it.")
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
    public ModelOptions with(
            ModelOptions options, Path model, @Nullable String needed, PrintStream err) {
        if (none && (file != null || needed != null)) {
            throw CommandException.usage(
                    (needed == null ? "--mmproj names a projector" : needed)
                            + ", and --no-mmproj leaves it out; leave out one of them");
        }
        if (file != null) {
            return options.withProjector(ModelArguments.file(file));
        }
        Search search = search(model);
        if (search.found().isEmpty() && needed != null) {
            throw CommandException.usage(
                    needed
                            + ", which takes a projector (mmproj), and there is none "
                            + (search.lack().isEmpty() ? "" : "that fits ")
                            + "beside "
                            + model
                            + search.lack().map(lack -> ": " + lack).orElse("")
                            + "; name one with --mmproj FILE");
        }
        search.explain(err);
        return search.found().map(options::withProjector).orElse(options);
    }

    /** The projector that was named, or the one beside a model that fits it. */
    public Optional<Path> find(Path model, PrintStream err) {
        if (file != null) {
            return Optional.of(ModelArguments.file(file));
        }
        Search search = search(model);
        search.explain(err);
        return search.found();
    }

    /**
     * What was found beside a model. Other models' projectors may be there, too.
     *
     * @param lack why the likeliest does not fit, if none does
     */
    private record Search(Optional<Path> found, Optional<String> lack) {
        static final Search NONE = new Search(Optional.empty(), Optional.empty());

        /** So that nobody wonders why the model does not see. */
        void explain(PrintStream err) {
            lack.ifPresent(why -> err.println("bigllama: no projector is used: " + why));
        }
    }

    private Search search(Path model) {
        List<Path> all = none ? List.of() : ProjectorFile.beside(model);
        if (all.isEmpty()) {
            return Search.NONE;
        }
        ProjectorFit fit;
        try {
            ModelFiles headers = ModelFiles.read(model);
            if (ModelFiles.isEncoder(headers.first().architecture().orElse(""))) {
                // It takes none, whatever lies there.
                return Search.NONE;
            }
            fit = new ProjectorFit(headers);
        } catch (GgufException e) {
            // Loading the model says it, too.
            return Search.NONE;
        }
        Optional<String> first = Optional.empty();
        for (Path each : all) {
            Optional<String> lack = fit.lack(each);
            if (lack.isEmpty()) {
                return new Search(Optional.of(each), lack);
            }
            first = first.or(() -> lack);
        }
        return new Search(Optional.empty(), first);
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
