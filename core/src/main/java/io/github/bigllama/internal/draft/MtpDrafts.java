package io.github.bigllama.internal.draft;

import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.load.MtpLayers;

/**
 * Drafts by the model's own layers, which follow each pass of its context.
 *
 * @param lane that of the sequence, whose context has such layers
 */
record MtpDrafts(Lane lane) implements DraftSource {
    @Override
    public void begin(int[] prompt) {
        // They have followed the prompt, too.
    }

    @Override
    public int most() {
        return MtpLayers.MOST;
    }

    @Override
    public int[] draft(int[] tokens, int last, int most) {
        return lane.draft(last, most);
    }

    @Override
    public boolean isFree() {
        return false;
    }

    @Override
    public void accepted(int count) {
        lane.drafted(count);
    }

    @Override
    public void close() {
        // The context owns them.
    }
}
