/** Somebody else's module. */
module example {
    requires io.github.bigllama.core;
}
