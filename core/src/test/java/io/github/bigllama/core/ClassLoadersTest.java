package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.ServerException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.testing.ChildJvm;
import io.github.bigllama.testing.DemoModel;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Several copies of bigllama in one JVM, as with web applications. */
class ClassLoadersTest {
    /** The work of a copy, which is loaded by its own class loader. */
    public static final class Program implements Callable<List<String>> {
        @Override
        public List<String> call() throws Exception {
            List<String> said = new ArrayList<>();
            try (LlamaModel model = DemoModel.load();
                    LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
                try (TokenStream answer =
                        session.generate("Once", GenerationOptions.greedy().withMaxTokens(20))) {
                    said.add(answer.text());
                }
            }
            try {
                LlamaModel.load(
                                DemoModel.PATH,
                                ModelOptions.defaults()
                                        .withMetadataOverrides(Map.of("llama.block_count", 77)))
                        .close();
            } catch (ModelLoadException e) {
                // llama.cpp gives the reason only in its log.
                said.add(e.getMessage());
            }
            return said;
        }
    }

    /** A copy that serves; what it could not do, or nothing. */
    public static final class Serving implements Callable<List<String>> {
        @Override
        public List<String> call() throws Exception {
            ServerOptions options = ServerOptions.defaults().withAddress("127.0.0.1", 0);
            try (LlamaModel model = DemoModel.load();
                    LlamaServer server = LlamaServer.start(model, options)) {
                return server.isRunning() ? List.of() : List.of("it does not run");
            } catch (ServerException e) {
                return List.of(e.getMessage());
            }
        }
    }

    private static URLClassLoader copy() throws IOException {
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            urls.add(Path.of(entry).toUri().toURL());
        }
        return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
    }

    /**
     * In a separate JVM, in which llama.cpp is not loaded yet when several copies load it at once.
     */
    static final class Server {
        private static final int COPIES = 4;

        public static void main(String[] arguments) throws Exception {
            for (int round = 0; round < 3; round++) {
                CyclicBarrier start = new CyclicBarrier(COPIES);
                try (ExecutorService executor = Executors.newFixedThreadPool(COPIES)) {
                    List<Future<List<String>>> running = new ArrayList<>();
                    for (int i = 0; i < COPIES; i++) {
                        running.add(
                                executor.submit(
                                        () -> {
                                            try (URLClassLoader copy = copy()) {
                                                Callable<List<String>> program = program(copy);
                                                start.await();
                                                return program.call();
                                            }
                                        }));
                    }
                    for (Future<List<String>> future : running) {
                        System.out.println(future.get());
                    }
                }
            }
        }
    }

    private static Callable<List<String>> program(ClassLoader loader) throws Exception {
        return program(loader, Program.class);
    }

    @SuppressWarnings("unchecked")
    private static Callable<List<String>> program(ClassLoader loader, Class<?> original)
            throws Exception {
        Class<?> type = loader.loadClass(original.getName());
        assertThat(type).isNotSameAs(original);
        return (Callable<List<String>>) type.getConstructor().newInstance();
    }

    @Test
    void copiesShareLlamaCpp() throws Exception {
        List<String> expected = new Program().call();
        assertThat(expected).hasSize(2);
        assertThat(expected.get(1)).contains("(llama.cpp: ");
        try (ExecutorService executor = Executors.newFixedThreadPool(2);
                URLClassLoader first = copy();
                URLClassLoader second = copy()) {
            List<Future<List<String>>> running = new ArrayList<>();
            running.add(executor.submit(program(first)));
            running.add(executor.submit(program(second)));
            for (Future<List<String>> future : running) {
                assertThat(future.get()).isEqualTo(expected);
            }
        }
        // Redeployed, while the first copy keeps working.
        try (URLClassLoader third = copy()) {
            assertThat(program(third).call()).isEqualTo(expected);
        }
        assertThat(new Program().call()).isEqualTo(expected);
    }

    @Test
    void copiesThatStartAtOnceLoadOneAfterTheOther() throws Exception {
        String expected = new Program().call().toString();
        ChildJvm.Result child = ChildJvm.run(Server.class, List.of());
        assertThat(child.exitCode()).as(child.output()).isZero();
        assertThat(child.output().lines()).hasSize(12).containsOnly(expected);
    }

    @Test
    void copiesServeOneAfterTheOther() throws Exception {
        try (URLClassLoader copy = copy()) {
            Callable<List<String>> serving = program(copy, Serving.class);
            try (LlamaModel model = DemoModel.load();
                    LlamaServer server =
                            LlamaServer.start(
                                    model, ServerOptions.defaults().withAddress("127.0.0.1", 0))) {
                assertThat(serving.call())
                        .singleElement()
                        .asString()
                        .contains("a server is running in this process already");
                assertThat(server.isRunning()).isTrue();
            }
            assertThat(serving.call()).isEmpty();
        }
    }
}
