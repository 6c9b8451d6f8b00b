package io.github.bigllama.cli.page;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Takes snapshots of a model for the live page. For one thread at a time. */
public final class PageSource implements Supplier<PageSnapshot> {
    private static final int CELLS = 64;
    private static final int MOST_DIGIT = 9;

    private final LlamaModel model;
    private final Supplier<List<PageSnapshot.Conversation>> conversations;
    private final int expertCount;
    private @Nullable PassStats previous;

    /**
     * A source of snapshots.
     *
     * @param conversations the use of the context
     */
    public PageSource(LlamaModel model, Supplier<List<PageSnapshot.Conversation>> conversations) {
        this.model = model;
        this.conversations = conversations;
        String architecture = model.metadata().get("general.architecture");
        String count = model.metadata().getOrDefault(architecture + ".expert_count", "0");
        this.expertCount = count.matches("\\d{1,6}") ? Integer.parseInt(count) : 0;
    }

    @Override
    public PageSnapshot get() {
        Optional<Residency> residency = model.residency();
        PassStats last = residency.flatMap(Residency::lastPass).orElse(null);
        boolean isNew = last != null && last != previous;
        previous = last;
        return new PageSnapshot(
                model.path().getFileName().toString(),
                model.sizeInBytes(),
                residency.map(Residency::plan).map(PageSource::plan).orElse(null),
                residency.map(kept -> kept.map(CELLS)).map(PageSource::layers).orElse(List.of()),
                residency.map(kept -> experts(kept.expertUses())).orElse(List.of()),
                isNew ? speed(last) : null,
                conversations.get());
    }

    private static PageSnapshot.Plan plan(ResidencyPlan plan) {
        return new PageSnapshot.Plan(
                plan.weightRam(), plan.kept(), plan.experts(), plan.streamed(), plan.active());
    }

    private static List<PageSnapshot.Layer> layers(ResidencyMap map) {
        return map.layers().stream()
                .map(
                        layer ->
                                new PageSnapshot.Layer(
                                        name(layer.number()),
                                        layer.bytes(),
                                        digits(layer.cells()),
                                        digits(layer.pinned())))
                .toList();
    }

    private static String name(int number) {
        return switch (number) {
            case Weight.BEFORE_LAYERS -> "input";
            case Weight.AFTER_LAYERS -> "output";
            default -> Integer.toString(number);
        };
    }

    private static String digits(List<Double> shares) {
        StringBuilder digits = new StringBuilder();
        shares.forEach(share -> digits.append(Math.round(share * MOST_DIGIT)));
        return digits.toString();
    }

    /** The uses of each layer's experts, relative to the most used one of all layers. */
    private List<String> experts(int[] uses) {
        if (expertCount == 0 || uses.length % expertCount != 0) {
            return List.of();
        }
        double most = Math.max(1, Arrays.stream(uses).max().orElse(0));
        List<String> layers = new ArrayList<>();
        for (int from = 0; from < uses.length; from += expertCount) {
            layers.add(
                    digits(
                            Arrays.stream(uses, from, from + expertCount)
                                    .mapToObj(count -> count / most)
                                    .toList()));
        }
        return layers;
    }

    private static PageSnapshot.Speed speed(PassStats pass) {
        double seconds = Math.max(1, pass.nanos()) / 1e9;
        long chosen = pass.expertHits() + pass.expertMisses();
        return new PageSnapshot.Speed(
                pass.tokens() / seconds,
                pass.bytesRead() / Math.max(1, pass.tokens()),
                (long) (pass.bytesRead() / seconds),
                Math.min(1, pass.stallNanos() / 1e9 / seconds),
                chosen == 0 ? null : (double) pass.expertHits() / chosen);
    }
}
