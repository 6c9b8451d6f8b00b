package io.github.bigllama.core;

/** Decides what of an answer is shown. */
@FunctionalInterface
interface AnswerReader {
    /**
     * Reads on.
     *
     * @param text everything that the model has said so far
     * @param isComplete whether that is all; then it may be what was read before
     * @return what is to be shown of it and has not been yet
     */
    String read(CharSequence text, boolean isComplete);
}
