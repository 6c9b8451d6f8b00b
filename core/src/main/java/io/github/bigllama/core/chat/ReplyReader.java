package io.github.bigllama.core.chat;

import io.github.bigllama.internal.chat.ChatAnswer;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Shows the content of a reply, and tells somebody its reasoning, while both grow. */
final class ReplyReader implements ChatAnswer.Reader {
    /** Between two looks at a reply so many times as long passes as the first took. */
    private static final int PAUSE = 4;

    private final ReplySyntax syntax;
    private final Optional<Consumer<String>> reasoning;
    private Reply reply = new Reply("", "", List.of());
    private String shown = "";
    private String told = "";

    /** When a look is due; a reply is read from its beginning each time. */
    private long due = System.nanoTime();

    ReplyReader(ReplySyntax syntax, Optional<Consumer<String>> reasoning) {
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
            // What was shown has been said, whatever came of it later.
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
            // A model may write what its template does not know; an answer that was interrupted
            // is often so.
            if (isComplete) {
                reply = incomplete(text);
            }
        }
    }

    /** Tells what there is more of the reasoning, and gives what there is more of the content. */
    private String show() {
        if (reply.reasoning().startsWith(told)) {
            String more = reply.reasoning().substring(told.length());
            told = reply.reasoning();
            if (!more.isEmpty()) {
                reasoning.ifPresent(consumer -> consumer.accept(more));
            }
        }
        if (!reply.content().startsWith(shown)) {
            return "";
        }
        String more = reply.content().substring(shown.length());
        shown = reply.content();
        return more;
    }

    /** A call that was cut is none; what only looked like a call is text. */
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

    /** What has been said. */
    Reply reply() {
        return reply;
    }
}
