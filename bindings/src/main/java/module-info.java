/**
 * llama.cpp for Java: generated FFM classes and the loader of the native library. Only the core
 * module uses it; other programs use {@code io.github.bigllama.core}.
 */
@SuppressWarnings("module") // core comes after this module, so the compiler cannot see it
module io.github.bigllama.bindings {
    requires io.github.bigllama.natives;
    requires org.apache.commons.io;

    exports io.github.bigllama.bindings to
            io.github.bigllama.core;
    exports io.github.bigllama.bindings.llama to
            io.github.bigllama.core;
}
