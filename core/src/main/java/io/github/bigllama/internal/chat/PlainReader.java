package io.github.bigllama.internal.chat;

/** Shows all of an answer. */
public final class PlainReader implements ChatAnswer.Reader {
    private int read;

    @Override
    public String read(CharSequence text, boolean isComplete) {
        String more = text.subSequence(read, text.length()).toString();
        read = text.length();
        return more;
    }
}
