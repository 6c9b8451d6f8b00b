package io.github.bigllama.bindings;

import io.github.bigllama.bindings.NativeLibrary.Origin;
import io.github.bigllama.bindings.llama.llama_h;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.io.IOUtils;

/**
 * One attempt to load the native library: tries the places in order and remembers why each failed.
 */
final class NativeLoader {
    private static final String RESOURCES = "io/github/bigllama/natives/";

    /** bigllama's own native library, which other builds of llama.cpp lack. */
    private static final String SHIM = System.mapLibraryName("bigllama");

    /** The end of messages without more specific advice. */
    private static final String GENERAL_ADVICE =
            Platform.current().map(NativeLoader::dependency).orElse("Build it here, and name")
                    + " a directory with the libraries that native/build.sh made of llama.cpp %s in the system property %s (or the environment variable %s)."
                            .formatted(
                                    NativeLibrary.PINNED_VERSION,
                                    LoaderSettings.LIBRARY_PROPERTY,
                                    LoaderSettings.LIBRARY_VARIABLE);

    private static final String CACHE_ADVICE =
            ("Choose a cache directory where you may write and the system may run programs, with the system property"
                            + " %s (or the environment variable %s).")
                    .formatted(LoaderSettings.CACHE_PROPERTY, LoaderSettings.CACHE_VARIABLE);

    private final LoaderSettings settings;

    /** One line per place: what was tried and why it failed. */
    private final List<String> attempts = new ArrayList<>();

    private Throwable cause;
    private String advice = GENERAL_ADVICE;

    /**
     * Whether a library is in the process: it can't be unloaded, and would be mixed with another
     * copy.
     */
    private boolean touched;

    private static String dependency(Platform platform) {
        return "Add the dependency io.github.bigllama:bigllama-native with the classifier %s, or name"
                .formatted(platform.id());
    }

    NativeLoader(LoaderSettings settings) {
        this.settings = settings;
    }

    NativeLibrary load() {
        if (settings.override().isPresent()) {
            Path directory = settings.override().get();
            try {
                return fromOverride(directory);
            } catch (IOException | LinkageError | RuntimeException e) {
                note(e);
                throw failure(
                        "cannot load llama.cpp from %s, given by the %s: %s"
                                .formatted(directory, settings.overrideName(), reason(e)));
            }
        }
        try {
            return fromJar();
        } catch (IOException | LinkageError | RuntimeException e) {
            failed(
                    "the native jar (cache: %s)"
                            .formatted(new NativeCache(settings.cache()).directory()),
                    e);
        }
        String summary =
                "cannot load llama.cpp for %s: %s".formatted(Platform.describe(), reason(cause));
        if (touched) {
            attempts.add("the system: not tried, some libraries of the jar are already loaded");
            throw failure(summary);
        }
        NativeLibrary system = fromSystem();
        if (system != null) {
            return system;
        }
        throw failure(summary);
    }

    private NativeLibrary fromOverride(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new FileNotFoundException(
                    Files.exists(directory) ? "not a directory" : "no such directory");
        }
        Path text = directory.resolve(NativeManifest.FILE_NAME);
        if (Files.exists(text)) {
            NativeManifest manifest = NativeManifest.parse(Files.readAllBytes(text));
            check(manifest);
            loadAll(directory, manifest.libraries(), !manifest.backends().isEmpty());
            return library(Origin.OVERRIDE, directory, manifest);
        }
        // A build without a manifest. Libraries come before those that need them, which then find
        // them without an rpath.
        List<String> libraries =
                Stream.of(
                                "bigllama-ggml-base",
                                "bigllama-ggml-cpu",
                                "bigllama-ggml-blas",
                                "bigllama-ggml-metal",
                                "bigllama-ggml-rpc",
                                "bigllama-ggml",
                                "bigllama-llama",
                                "bigllama")
                        .map(System::mapLibraryName)
                        .filter(name -> Files.exists(directory.resolve(name)))
                        .toList();
        if (!libraries.contains(SHIM)) {
            String upstream = System.mapLibraryName("llama");
            throw new FileNotFoundException(
                    Files.exists(directory.resolve(upstream))
                            ? "it has %s but not %s, which bigllama needs: only a llama.cpp that was built by bigllama's native/build.sh can be used"
                                    .formatted(upstream, SHIM)
                            : "it has neither " + NativeManifest.FILE_NAME + " nor " + SHIM);
        }
        loadAll(directory, libraries, true);
        return library(Origin.OVERRIDE, directory);
    }

    private NativeLibrary fromJar() throws IOException {
        Platform platform =
                Platform.current()
                        .orElseThrow(
                                () ->
                                        new IOException(
                                                "%s is not a supported platform; bigllama has libraries for %s"
                                                        .formatted(
                                                                Platform.describe(),
                                                                String.join(
                                                                        ", ", Platform.ids()))));
        String folder = RESOURCES + platform.id() + "/";
        byte[] text;
        try (InputStream in = resource(folder + NativeManifest.FILE_NAME)) {
            text = IOUtils.toByteArray(in);
        }
        NativeManifest manifest = NativeManifest.parse(text);
        check(manifest);
        NativeCache cache = new NativeCache(settings.cache());
        Path[] directory = new Path[1];
        try {
            cache.use(
                    manifest,
                    text,
                    file -> resource(folder + file),
                    entry -> {
                        loadAll(entry, manifest.libraries(), !manifest.backends().isEmpty());
                        directory[0] = entry;
                    });
        } catch (FileSystemException | UnsupportedOperationException e) {
            advice = CACHE_ADVICE;
            throw new IOException(
                    "the cache %s cannot be used: %s".formatted(cache.directory(), reason(e)), e);
        } catch (UnsatisfiedLinkError e) {
            // The dynamic linker's message for a file system that is mounted noexec.
            if (String.valueOf(e.getMessage()).contains("failed to map segment")) {
                advice = CACHE_ADVICE;
            }
            throw e;
        }
        return library(Origin.JAR, directory[0], manifest);
    }

    /** The library of the system; null if none fits. */
    private NativeLibrary fromSystem() {
        String name = System.mapLibraryName("bigllama-llama");
        String without =
                settings.systemFolders().stream()
                        .filter(folder -> !Files.exists(folder.resolve(name)))
                        .map(Path::toString)
                        .collect(Collectors.joining(", "));
        attempts.add("the system: no %s in %s".formatted(name, without));
        for (Path folder : settings.systemFolders()) {
            Path file = folder.resolve(name);
            if (!Files.exists(file)) {
                continue;
            }
            try {
                Path real = file.toRealPath();
                checkVersion(versionOf(real), false);
                loadAll(real.getParent(), List.of(real.getFileName().toString(), SHIM), true);
                return library(Origin.SYSTEM, real.getParent());
            } catch (IOException | LinkageError | RuntimeException e) {
                failed("the system's " + file, e);
                if (touched) {
                    return null;
                }
            }
        }
        return null;
    }

    /** Refuses a library that would crash, or silently compute wrong results. */
    private void check(NativeManifest manifest) throws IOException {
        if (!manifest.version().equals(NativeLibrary.PINNED_VERSION)
                || !manifest.tree().equals(NativeLibrary.PINNED_TREE)) {
            throw new IOException(
                    "it is llama.cpp %s (tree %s), these bindings need %s (tree %s)"
                            .formatted(
                                    manifest.version(),
                                    manifest.tree(),
                                    NativeLibrary.PINNED_VERSION,
                                    NativeLibrary.PINNED_TREE));
        }
        if (Platform.current().isPresent() && !manifest.platform().equals(Platform.describe())) {
            throw new IOException(
                    "its libraries are for %s, this machine is %s"
                            .formatted(manifest.platform(), Platform.describe()));
        }
        List<String> missing = CpuFeatures.missing(manifest.cpuFeatures());
        if (!missing.isEmpty()) {
            advice =
                    "Use the portable flavour of bigllama-native, which runs on every CPU of %s, or build it again on"
                                    .formatted(manifest.platform())
                            + " this machine.";
            throw new IOException(
                    "its libraries (flavour %s) need CPU features that this CPU lacks: %s"
                            .formatted(manifest.flavour(), String.join(", ", missing)));
        }
    }

    private void loadAll(Path directory, List<String> libraries, boolean backends)
            throws IOException {
        for (String name : libraries) {
            Path file = directory.resolve(name);
            if (!Files.exists(file)) {
                throw new FileNotFoundException(name + " is missing");
            }
            NativeSymbols.load(file);
            touched = true;
        }
        checkVersion(llama_h.llama_version().getString(0), true);
        BackendLoading.run(directory, backends);
    }

    /** Asks a library for its release without keeping it in the process. */
    private static String versionOf(Path library) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment function =
                    SymbolLookup.libraryLookup(library, arena)
                            .find("llama_version")
                            .orElseThrow(
                                    () ->
                                            new IOException(
                                                    "it has no llama_version, so it is an older release"));
            var handle =
                    Linker.nativeLinker()
                            .downcallHandle(function, FunctionDescriptor.of(ValueLayout.ADDRESS));
            MemorySegment text = (MemorySegment) handle.invokeExact();
            return text.reinterpret(Long.MAX_VALUE).getString(0);
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("llama_version throws nothing", e);
        }
    }

    /**
     * @param developmentToo whether to accept {@code 0.5.0-dev}, the default version in llama.cpp's
     *     CMake. It may be any commit after 0.5.0, so it is trusted only on the user's word or by a
     *     manifest's tree hash
     */
    private static void checkVersion(String found, boolean developmentToo) throws IOException {
        String pinned = NativeLibrary.PINNED_VERSION.substring(1);
        if (!found.equals(pinned) && !(developmentToo && found.equals(pinned + "-dev"))) {
            throw new IOException(
                    "it is llama.cpp %s, these bindings need %s".formatted(found, pinned));
        }
    }

    private static InputStream resource(String name) throws IOException {
        // The folder is not a valid package name (it has a hyphen), so the class loader also finds
        // it in a named module.
        URL url = NativeLoader.class.getClassLoader().getResource(name);
        if (url == null) {
            throw new FileNotFoundException("no jar has " + name);
        }
        URLConnection connection = url.openConnection();
        // A cached jar file is shared by class loaders, and closed by the first that is closed.
        connection.setUseCaches(false);
        return connection.getInputStream();
    }

    private static NativeLibrary library(Origin origin, Path directory, NativeManifest manifest) {
        return new NativeLibrary(
                origin,
                directory,
                manifest.version(),
                manifest.flavour(),
                manifest.platform(),
                manifest.cpuFeatures());
    }

    private static NativeLibrary library(Origin origin, Path directory) {
        return new NativeLibrary(
                origin,
                directory,
                NativeLibrary.PINNED_VERSION,
                "unknown",
                Platform.describe(),
                List.of());
    }

    private void failed(String place, Throwable e) {
        attempts.add(place + ": " + reason(e));
        note(e);
    }

    /** Keeps the first cause and the advice for it. */
    private void note(Throwable e) {
        if (cause == null) {
            cause = e;
        }
        if (e instanceof IllegalCallerException) {
            advice =
                    "Start Java with --enable-native-access=ALL-UNNAMED; where bigllama is on the module"
                            + " path, with"
                            + " --enable-native-access=io.github.bigllama.core,io.github.bigllama.bindings.";
        }
    }

    private static String reason(Throwable e) {
        if (e instanceof ExceptionInInitializerError && e.getCause() != null) {
            // A generated class for one function has failed: the library lacks it.
            return reason(e.getCause());
        }
        // The JVM puts the file's name before the dynamic linker's message, which already starts
        // with it.
        String message =
                String.valueOf(e.getMessage()).strip().replaceFirst("^(.+): \\1: ", "$1: ");
        // The messages of these exceptions name the problem; those of java.nio are only a path.
        return e.getClass() == IOException.class
                        || e instanceof FileNotFoundException
                        || e instanceof LinkageError
                ? message
                : e.getClass().getSimpleName() + ": " + message;
    }

    private NativeLibraryException failure(String summary) {
        StringBuilder message = new StringBuilder(summary);
        message.append(attempts.isEmpty() ? "" : "\n  Tried:");
        attempts.forEach(attempt -> message.append("\n  - ").append(attempt));
        return new NativeLibraryException(message.append("\n  ").append(advice).toString(), cause);
    }
}
