package io.github.bigllama.core.chat;

import io.github.bigllama.internal.chat.ChatAnswer;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Shows the content of a reply, and passes on its reasoning, while both grow. */
final class ReplyReader implements ChatAnswer.Reader {
    /**
     * The pause between two parses of a reply is this many times as long as the first of them took.
     */
    private static final int PAUSE = 4;

    private final ReplySyntax syntax;
    private final @Nullable Consumer<String> reasoning;
    private Reply reply = new Reply("", "", List.of());
    private String shown = "";
    private String told = "";

    /** When the next parse is due; a reply is parsed from its beginning each time. */
    private long due = System.nanoTime();

    ReplyReader(ReplySyntax syntax, @Nullable Consumer<String> reasoning) {
        this.syntax = syntax;
        this.reasoning = reasoning;
    }

    @Override
    public String read(CharSequence text, boolean isComplete) {
        long start = System.nanoTime();
        if (!isComplete && start - due < 0) {
            return "";
        }
        parse(text.toString(), isComplete);
        if (isComplete && !reply.content().startsWith(shown)) {
            // Text that was shown stays part of the reply, whatever the parser makes of it later.
            int at = text.toString().indexOf(shown);
            String content = at < 0 ? shown : text.toString().substring(at);
            reply = new Reply(content, reply.reasoning(), List.of());
        }
        long end = System.nanoTime();
        due = end + PAUSE * (end - start);
        return show();
    }

    private void parse(String text, boolean isComplete) {
        try {
            reply = syntax.parse(text, !isComplete);
        } catch (ChatTemplateException e) {
            // A model may write what its template can't parse, as an interrupted answer often is.
            if (isComplete) {
                reply = incomplete(text);
            }
        }
    }

    /** Passes on new reasoning, and returns new content. */
    private String show() {
        if (reply.reasoning().startsWith(told)) {
            String more = reply.reasoning().substring(told.length());
            told = reply.reasoning();
            if (reasoning != null && !more.isEmpty()) {
                reasoning.accept(more);
            }
        }
        if (!reply.content().startsWith(shown)) {
            return "";
        }
        String more = reply.content().substring(shown.length());
        shown = reply.content();
        return more;
    }

    /** A call that was cut is dropped; text that only looked like a call is content. */
    private Reply incomplete(String text) {
        try {
            Reply begun = syntax.parse(text, true);
            String content = begun.content();
            int at = text.indexOf(content);
            if (begun.toolCalls().isEmpty() && at >= 0 && !content.isEmpty()) {
                content = text.substring(at);
            }
            return new Reply(content, begun.reasoning(), List.of());
        } catch (ChatTemplateException e) {
            return new Reply(text, "", List.of());
        }
    }

    /** The reply so far. */
    Reply reply() {
        return reply;
    }
}
