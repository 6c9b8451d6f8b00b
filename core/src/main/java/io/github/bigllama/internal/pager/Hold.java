package io.github.bigllama.internal.pager;

/** A thread's hold of the pieces; closing it lets others in. */
interface Hold extends AutoCloseable {
    @Override
    void close();
}
