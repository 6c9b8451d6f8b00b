package io.github.bigllama.cli.option;

import io.github.bigllama.cli.models.ModelsFolder;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.quantize.DraftModels;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.residency.InsufficientRamException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Option;

/** Options for the model and how it is loaded. */
public final class ModelArguments {
    static final String VARIABLE = "BIGLLAMA_MODEL";
    static final String DEMO_PROPERTY = "bigllama.demo.model";

    @Option(
            names = {"-m", "--model"},
            paramLabel = "FILE",
            description =
                    "A GGUF file (the first part of a split model), or the name of a downloaded "
                            + "model, as list shows it, or a part of that name. Default: the "
                            + "environment variable BIGLLAMA_MODEL, or else a tiny demo model.")
    Path file;

    private static final String SELF = "self:";

    @Option(
            names = "--ram",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "Most RAM for this program, for example 12G: for weights, the KV cache, Java and "
                            + "llama.cpp together. Of a model that does not fit, the "
                            + "part used most stays in RAM and the rest is read from disk for each "
                            + "token. Default: as much as the system can spare.")
    Long ram;

    @Option(
            names = "--mirror",
            paramLabel = "FILE",
            description =
                    "A copy of the model on another disk (the first part of a split model). If "
                            + "the model does not fit into RAM, the rest is read from both. It "
                            + "must have the same bytes, of which only samples are compared.")
    Path mirror;

    @Option(
            names = "--no-expert-profile",
            description =
                    "With a model with experts that does not fit into RAM: do not save which "
                            + "experts"
                            + " are used most, and do not read those first at the "
                            + "next start.")
    boolean noExpertProfile;

    @Option(
            names = "--mmap",
            negatable = true,
            description =
                    "Map the file and let the system decide which parts stay in RAM. --no-mmap "
                            + "reads the whole file into memory. Default: map it, and if it does "
                            + "not fit, bigllama decides which parts stay.")
    Boolean mmap;

    @Option(
            names = "--mlock",
            description = "Keep the weights in RAM; they must fit, and the system must allow it.")
    boolean mlock;

    @Option(
            names = "--direct-io",
            description = "Read the file into memory, bypassing the page " + "cache.")
    boolean directIo;

    @Option(
            names = {"-nr", "--no-repack"},
            description =
                    "Do not rearrange weights for faster kernels; that copies them into memory.")
    boolean noRepack;

    @Option(
            names = {"-ngl", "--gpu-layers"},
            paramLabel = "N",
            description = "Number of layers kept on the GPU; -1 (the default) for all.")
    int gpuLayers = ModelOptions.ALL_LAYERS;

    @Option(
            names = {"-dev", "--device"},
            paramLabel = "NAME",
            split = ",",
            description = "Devices to use; bigllama info lists them. Default: all.")
    List<String> devices = List.of();

    @Option(
            names = {"-md", "--model-draft"},
            paramLabel = "FILE",
            description =
                    "A small model with the same vocabulary that drafts tokens for this one; all "
                            + "of it"
                            + " is in RAM. self:TYPE, for example self:Q2_K, makes such "
                            + "a copy of this"
                            + " model, and keeps it.")
    String draft;

    @Option(
            names = "--override-kv",
            paramLabel = "KEY=TYPE:VALUE",
            description =
                    "Replace metadata of the model; TYPE is int, float, bool or str. Repeatable.")
    Map<String, String> overrides = new LinkedHashMap<>();

    /** Replaces the file that {@code --model} names. */
    public void setFile(Path newFile) {
        file = newFile;
    }

    /** The options that the arguments stand for. */
    public ModelOptions toOptions() {
        Map<String, Object> values = new LinkedHashMap<>();
        overrides.forEach((key, value) -> values.put(key, override(key, value)));
        ModelOptions options = ModelOptions.defaults();
        if (ram != null) {
            if (mmap != null || mlock || directIo) {
                throw CommandException.usage(
                        "--ram decides which part of the model is in RAM, and so do --mmap, "
                                + "--mlock and --direct-io; leave out one of them");
            }
            options = options.withRam(ram);
        }
        if (mirror != null) {
            if (mmap != null || mlock || directIo) {
                throw CommandException.usage(
                        "--mirror applies to reads beside the computation, which --mmap, --mlock "
                                + "and"
                                + " --direct-io leave to the system; leave out one of "
                                + "them");
            }
            options = options.withMirror(mirror);
        }
        return options.withLoadMode(loadMode())
                .withRepack(!noRepack)
                .withExpertProfile(!noExpertProfile)
                .withGpuLayers(gpuLayers)
                .withDevices(devices)
                .withMetadataOverrides(values);
    }

    /**
     * Loads the model, with progress on a terminal if it takes long.
     *
     * @throws CancellationException if it was interrupted
     */
    public LlamaModel load(ModelOptions options, Interruption interruption, PrintStream err) {
        return load(options, path(err), interruption, err);
    }

    LlamaModel load(ModelOptions options, Path path, Interruption interruption, PrintStream err) {
        try (ProgressLine progress = new ProgressLine(err)) {
            ModelOptions all =
                    draft == null
                            ? options
                            : options.withDraftModel(draftFile(path, interruption, progress));
            Eta eta = new Eta();
            LlamaModel model =
                    LlamaModel.load(
                            path,
                            all.withProgress(
                                    fraction -> {
                                        progress.update(
                                                "loading %s: %s"
                                                        .formatted(path, eta.text(fraction)));
                                        return !interruption.isRequested();
                                    }));
            if (mlock && !options.vocabularyOnly()) {
                LockedMemory.complaint(model.sizeInBytes())
                        .ifPresent(line -> progress.say("bigllama: " + line));
            }
            return model;
        } catch (ModelLoadException e) {
            throw e.getCause() instanceof InsufficientRamException
                            && options.loadMode() != LoadMode.AUTO
                    ? new CommandException(
                            ExitCode.FAILED, e.getMessage() + ": " + leaveOut(options), e)
                    : e;
        }
    }

    /**
     * The file of the draft model, made if it is a copy of the model, for a program that uses it
     * itself: it is not loaded with the model then. Empty without one.
     *
     * @throws CancellationException if it was interrupted
     */
    public Optional<Path> takeDraft(Interruption interruption, PrintStream err) {
        if (draft == null) {
            return Optional.empty();
        }
        try (ProgressLine progress = new ProgressLine(err)) {
            Path taken = draftFile(path(err), interruption, progress);
            draft = null;
            return Optional.of(taken);
        }
    }

    /** Refuses a draft model, for a command that writes no answers. */
    public void requireNoDraft() {
        if (draft != null) {
            throw CommandException.usage(
                    "--model-draft drafts tokens of answers, and this command writes none; leave it "
                            + "out");
        }
    }

    private Path draftFile(Path model, Interruption interruption, ProgressLine progress) {
        if (!draft.startsWith(SELF)) {
            return file(Path.of(draft));
        }
        Quantization type = QuantizationNames.parse(draft.substring(SELF.length()));
        Eta eta = new Eta();
        return DraftModels.of(
                model,
                type,
                fraction -> {
                    progress.update(
                            "making a draft model of %s in %s: %s"
                                    .formatted(model, type, eta.text(fraction)));
                    if (interruption.isRequested()) {
                        throw new CancellationException(
                                "making a draft model of " + model + " was cancelled");
                    }
                });
    }

    /** How to change the arguments to get load mode auto. */
    private static String leaveOut(ModelOptions options) {
        return switch (options.loadMode()) {
            case MMAP -> "add --no-repack, or leave out --mmap";
            case NONE -> "leave out --no-mmap";
            case MLOCK -> "leave out --no-mmap and --mlock";
            case DIRECT_IO -> "leave out --direct-io";
            default -> "leave out --mlock";
        };
    }

    /** Loads the model without its weights, as far as llama.cpp can do that. */
    public LlamaModel loadVocabulary(Interruption interruption, PrintStream err) {
        requireNoDraft();
        return load(toOptions().withVocabularyOnly(true), interruption, err);
    }

    /** Loads the model without reading its weights, which are only mapped. */
    public LlamaModel loadMapped(Interruption interruption, PrintStream err) {
        requireNoDraft();
        ModelOptions options = toOptions().withRepack(false).withGpuLayers(0);
        boolean modeChosen = mirror != null || options.loadMode() != LoadMode.AUTO;
        return load(modeChosen ? options : options.withLoadMode(LoadMode.MMAP), interruption, err);
    }

    /** Whether the model is the one that comes with the program, because none was chosen. */
    public boolean isDemo() {
        return file == null && variable() == null;
    }

    Path path(PrintStream err) {
        if (file != null) {
            return file(file);
        }
        if (variable() != null) {
            return file(Path.of(variable()));
        }
        Path demo = demoModel();
        err.println(
                "bigllama: this is the demo model, a toy of 3.6 MB that knows capitals and little"
                        + " else; --model FILE.gguf (or "
                        + VARIABLE
                        + ") runs yours");
        return demo;
    }

    /**
     * The file with this name, or if there is none, the first file of the downloaded model with
     * this name.
     */
    public static Path file(Path named) {
        if (named.toString().isEmpty()) {
            throw CommandException.usage("the name of the model is empty");
        }
        if (Files.exists(named) || Files.isSymbolicLink(named) || named.isAbsolute()) {
            return named;
        }
        try {
            ModelsFolder folder = ModelsFolder.ofEnvironment();
            return folder.find(named.toString())
                    .map(model -> complete(model).files().getFirst())
                    .orElseGet(() -> notDownloaded(named));
        } catch (IOException e) {
            // Then the file counts as missing.
            return named;
        }
    }

    /** A name that looks like a file name means a missing file. */
    private static Path notDownloaded(Path named) {
        String name = named.toString();
        if (name.contains("/") || name.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
            return named;
        }
        throw new CommandException(
                ExitCode.FAILED,
                name
                        + ": no such file, and no downloaded model with that name; bigllama list "
                        + "shows all models, bigllama pull downloads one",
                null);
    }

    private static ModelsFolder.Model complete(ModelsFolder.Model model) {
        if (!model.isComplete()) {
            throw CommandException.usage(
                    model.name()
                            + ": "
                            + model.lack().get()
                            + "; pull it again to download the rest");
        }
        return model;
    }

    /** The model that comes with the program. */
    public static Path demoModel() {
        String demo = System.getProperty(DEMO_PROPERTY);
        if (demo == null || !Files.exists(Path.of(demo))) {
            throw CommandException.usage(
                    "there is no model; name a GGUF file with --model or the environment variable "
                            + VARIABLE);
        }
        return Path.of(demo);
    }

    private static String variable() {
        String value = System.getenv(VARIABLE);
        return value == null || value.isEmpty() ? null : value;
    }

    private LoadMode loadMode() {
        if (directIo) {
            if (mlock || Boolean.TRUE.equals(mmap)) {
                throw CommandException.usage(
                        "--direct-io bypasses the memory that --mmap and --mlock control; leave "
                                + "out one of them");
            }
            return LoadMode.DIRECT_IO;
        }
        if (mmap == null) {
            return mlock ? LoadMode.MMAP_MLOCK : LoadMode.AUTO;
        }
        if (mlock) {
            return mmap ? LoadMode.MMAP_MLOCK : LoadMode.MLOCK;
        }
        return mmap ? LoadMode.MMAP : LoadMode.NONE;
    }

    private static Object override(String key, String value) {
        int colon = value.indexOf(':');
        String type = colon < 0 ? "" : value.substring(0, colon);
        String text = value.substring(colon + 1);
        try {
            return switch (type) {
                case "int" -> Long.valueOf(text);
                case "float" -> Double.valueOf(text);
                case "bool" -> bool(text);
                case "str" -> text;
                default ->
                        throw new IllegalArgumentException(
                                "its type must be int, float, bool or str");
            };
        } catch (NumberFormatException e) {
            throw badOverride(key, value, "'" + text + "' is not a valid " + type);
        } catch (IllegalArgumentException e) {
            throw badOverride(key, value, e.getMessage());
        }
    }

    private static boolean bool(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default ->
                    throw new IllegalArgumentException("'" + text + "' is neither true nor false");
        };
    }

    private static CommandException badOverride(String key, String value, String reason) {
        return CommandException.usage(
                "--override-kv "
                        + key
                        + "="
                        + value
                        + ": "
                        + reason
                        + "; for example --override-kv llama.context_length=int:2048");
    }
}
