package io.github.bigllama.cli.option;

import io.github.bigllama.cli.models.ModelSource;
import io.github.bigllama.cli.models.RemoteModel;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.ModelFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Reads the headers of a model, which need not be on this machine. */
public final class ModelHeaders {
    private ModelHeaders() {}

    /**
     * Reads the headers of a model.
     *
     * @param source a file, a downloaded model's name, an address, {@code hf:owner/repo:quant}, or
     *     {@code demo}
     */
    public static ModelFiles read(String source) {
        if (source.equals("demo")) {
            return ModelFiles.read(ModelArguments.demoModel());
        }
        if (ModelSource.isRemote(source)) {
            Http http = Http.ofEnvironment(endpoint());
            RemoteModel model =
                    ModelSource.find(source, http, line -> System.err.println("bigllama: " + line));
            model.choice().ifPresent(line -> System.err.println("bigllama: " + line));
            return read(model, http);
        }
        return ModelFiles.read(ModelArguments.file(Path.of(source)));
    }

    /** Reads the headers of a model that has been found on the web. */
    public static ModelFiles read(RemoteModel model, Http http) {
        return ModelFiles.read(model.firstAddress(), model.sender(http));
    }

    /**
     * Reads the headers of a model that has been found on the web, or gives up after a while: a
     * server may send them at a few kilobytes per second, without end.
     *
     * @throws CommandException if they don't come within this time
     */
    public static ModelFiles readWithin(Duration limit, RemoteModel model, Http http) {
        FutureTask<ModelFiles> reading = new FutureTask<>(() -> read(model, http));
        Thread.ofVirtual().start(reading);
        try {
            return reading.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    String.format(
                            Locale.ROOT,
                            "the header of %s did not come within %d s",
                            model.name(),
                            limit.toSeconds()),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while a header was read");
        } finally {
            reading.cancel(true);
        }
    }

    /** The address of Hugging Face, unless the environment names another server. */
    public static String endpoint() {
        String given = System.getenv("HF_ENDPOINT");
        return given == null || given.isBlank() ? "https://huggingface.co" : given;
    }
}
