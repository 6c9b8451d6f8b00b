package io.github.bigllama.core.chat;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Shows the content of a reply, and tells somebody its reasoning, while both grow. */
final class ReplyReader implements ChatAnswer.Reader {
    private final ReplySyntax syntax;
    private final Optional<Consumer<String>> reasoning;
    private Reply reply = new Reply("", "", List.of());
    private String shown = "";
    private String told = "";

    ReplyReader(ReplySyntax syntax, Optional<Consumer<String>> reasoning) {
        this.syntax = syntax;
        this.reasoning = reasoning;
    }

    @Override
    public String read(CharSequence text, boolean isComplete) {
        try {
            reply = syntax.parse(text.toString(), !isComplete);
        } catch (ChatTemplateException e) {
            // A model may write what its template does not know; an answer that was interrupted
            // is often so.
            if (isComplete) {
                reply = incomplete(text.toString());
            }
        }
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

    private Reply incomplete(String text) {
        try {
            Reply begun = syntax.parse(text, true);
            return new Reply(begun.content(), begun.reasoning(), List.of());
        } catch (ChatTemplateException e) {
            return new Reply(text, "", List.of());
        }
    }

    /** What has been said. */
    Reply reply() {
        return reply;
    }
}
