package io.github.bigllama.bindings;

import io.github.bigllama.bindings.llama.llama_h;
import java.io.IOException;

/** Loads the native library and says what happened: a JVM can do that only once. */
final class LoadMain {
    private LoadMain() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length > 0 && arguments[0].equals("wait")) {
            System.out.println("ready");
            System.in.read();
        }
        try {
            NativeLibrary library = NativeLibrary.load();
            if (NativeLibrary.load() != library) {
                throw new AssertionError("loaded twice");
            }
            System.out.println(library);
            System.out.println("origin " + library.origin());
            System.out.println("directory " + library.directory());
            System.out.println("version " + llama_h.llama_version().getString(0));
            System.out.println("devices " + llama_h.ggml_backend_dev_count());
            System.out.println(
                    "type " + llama_h.ggml_type_name(llama_h.GGML_TYPE_Q8_0()).getString(0));
        } catch (NativeLibraryException e) {
            System.out.println("FAILED " + e.getMessage());
            try {
                NativeLibrary.load();
            } catch (NativeLibraryException again) {
                System.out.println(
                        "again "
                                + (again.getCause() == e
                                        && again.getMessage().equals(e.getMessage())));
            }
        }
    }
}
