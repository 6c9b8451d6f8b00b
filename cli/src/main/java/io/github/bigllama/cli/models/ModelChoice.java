package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.HuggingFace.Entry;
import io.github.bigllama.cli.network.PullException;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The choice of a model in a repository.
 *
 * @param path path of the model's first file
 * @param reason the reason, for users who did not choose one of several
 */
record ModelChoice(String path, Optional<String> reason) {
    private static final String USUAL = "Q4_K_M";

    /** The most models in a message. */
    private static final int MOST_SHOWN = 20;

    /** Files that llama.cpp uses beside a model, or that a model was made with. */
    private static final Pattern BESIDE =
            Pattern.compile(
                    ".*(mmproj|imatrix).*|(.*[-._])?(mtp|dflash|eagle3|dspark)-.*",
                    Pattern.CASE_INSENSITIVE);

    private static final Pattern BESIDE_FOLDER =
            Pattern.compile("(.*/)?(mmproj|imatrix|mtp)/.*", Pattern.CASE_INSENSITIVE);

    /** Prefixes that make a quantization a different one. */
    private static final Pattern VARIANT =
            Pattern.compile(
                    "(.*[-._])?(ud|i1|imat|imatrix|mtp|pure)[-._]?", Pattern.CASE_INSENSITIVE);

    private static final Pattern TYPE =
            Pattern.compile("(I?Q|TQ|BF|FP?|MXFP|NVFP)[0-9].*", Pattern.CASE_INSENSITIVE);

    /**
     * Chooses a model by an exact path or file name, or else by quantization, or else by a part of
     * the name; without a choice, the usual quantization.
     *
     * @param repository for messages
     * @param all files, by path
     * @throws PullException if no model matches, or several do
     */
    static ModelChoice of(String repository, Map<String, Entry> all, @Nullable String choice) {
        String wanted = choice == null ? "" : plain(choice);
        List<Entry> files = all.values().stream().filter(ModelChoice::isFirst).toList();
        List<Entry> models = files.stream().filter(entry -> !isBeside(entry)).toList();
        if (choice == null) {
            return usual(repository, all, models);
        }
        requireRunnable(repository, all.values(), wanted);
        List<Predicate<Entry>> byName =
                List.of(
                        entry -> plain(entry.path()).equals(wanted),
                        entry -> plain(entry.path()).equalsIgnoreCase(wanted),
                        entry -> plain(entry.name()).equals(wanted),
                        entry -> plain(entry.name()).equalsIgnoreCase(wanted));
        for (Predicate<Entry> exactly : byName) {
            List<Entry> found = files.stream().filter(exactly).toList();
            if (!found.isEmpty()) {
                return only(repository, all, found, " named " + choice);
            }
        }
        List<Entry> found = ofType(models, wanted);
        if (found.isEmpty()) {
            requireWhole(repository, all.values(), wanted);
            throw new PullException(
                    models.isEmpty()
                            ? noModel(repository, all.values())
                            : "%s has no model of %s: choose one of %s"
                                    .formatted(repository, choice, shown(models, all)));
        }
        return only(repository, all, found, " of " + choice);
    }

    private static ModelChoice usual(
            String repository, Map<String, Entry> all, List<Entry> models) {
        if (models.isEmpty()) {
            throw new PullException(noModel(repository, all.values()));
        }
        if (models.size() == 1) {
            return new ModelChoice(models.getFirst().path(), Optional.empty());
        }
        List<Entry> found = ofType(models, USUAL);
        if (found.size() != 1) {
            return only(repository, all, models, "");
        }
        return new ModelChoice(
                found.getFirst().path(),
                Optional.of(
                        String.format(
                                Locale.ROOT,
                                "taking %s of the %d models of %s, because %s is the usual choice; %s:NAME chooses another",
                                describe(found.getFirst(), models, all),
                                models.size(),
                                repository,
                                USUAL,
                                repository)));
    }

    private static ModelChoice only(
            String repository, Map<String, Entry> all, List<Entry> found, String what) {
        if (found.size() > 1) {
            throw new PullException(
                    "%s has several models%s: choose one of %s"
                            .formatted(repository, what, shown(found, all)));
        }
        return new ModelChoice(found.getFirst().path(), Optional.empty());
    }

    /** The models with exactly this quantization, or else those with it as a word in their path. */
    private static List<Entry> ofType(List<Entry> models, String wanted) {
        List<Entry> exact = models.stream().filter(entry -> isOfType(entry, wanted)).toList();
        if (!exact.isEmpty()) {
            return exact;
        }
        Pattern word =
                Pattern.compile(
                        "(?<![A-Za-z0-9])" + Pattern.quote(wanted) + "(?![A-Za-z0-9_])",
                        Pattern.CASE_INSENSITIVE);
        return models.stream().filter(entry -> word.matcher(entry.path()).find()).toList();
    }

    /**
     * Whether a name ends with the quantization, or is in a folder of that name, and no prefix
     * makes it a different one.
     */
    private static boolean isOfType(Entry entry, String wanted) {
        String name = plain(entry.name());
        int start = name.length() - wanted.length();
        if (start >= 0 && name.substring(start).equalsIgnoreCase(wanted)) {
            String before = name.substring(0, start);
            boolean isWord =
                    before.matches("|.*[-.]")
                            || before.endsWith("_") && TYPE.matcher(wanted).matches();
            return isWord && !VARIANT.matcher(before).matches();
        }
        String[] segments = entry.path().split("/");
        for (int i = 0; i < segments.length - 1; i++) {
            if (segments[i].equalsIgnoreCase(wanted)) {
                return !name.matches("(?i).*(?<![a-z0-9])" + "(I?Q|TQ)[0-9].*");
            }
        }
        return false;
    }

    /** A path without the ending and the number of a part. */
    private static String plain(String path) {
        return ModelsFolder.name(path.replaceFirst("^/+", ""));
    }

    private static boolean isFirst(Entry entry) {
        var part = ModelSource.PART.matcher(entry.name());
        return entry.name().toLowerCase(Locale.ROOT).endsWith(".gguf")
                && (!part.matches() || Integer.parseInt(part.group(2)) == 1);
    }

    private static boolean isBeside(Entry entry) {
        return BESIDE.matcher(entry.name()).matches()
                || BESIDE_FOLDER.matcher(entry.path()).matches();
    }

    /** Refuses a part other than the first, or a piece, that was asked for by name. */
    private static void requireRunnable(String repository, Collection<Entry> all, String wanted) {
        for (Entry entry : all) {
            if (ModelSource.PIECE.matcher(entry.name()).matches()
                    && (entry.path().equals(wanted) || entry.name().equals(wanted))) {
                throw new PullException(
                        repository
                                + ": "
                                + entry.path()
                                + " "
                                + ModelSource.inPieces(entry.name()));
            }
        }
    }

    /** Refuses a quantization that exists only in pieces. */
    private static void requireWhole(String repository, Collection<Entry> all, String wanted) {
        for (Entry entry : all) {
            var piece = ModelSource.PIECE.matcher(entry.name());
            if (piece.matches()
                    && !ofType(
                                    List.of(
                                            new Entry(
                                                    entry.path()
                                                                    .substring(
                                                                            0,
                                                                            entry.path().length()
                                                                                    - entry.name()
                                                                                            .length())
                                                            + piece.group(1),
                                                    0,
                                                    Optional.empty())),
                                    wanted)
                            .isEmpty()) {
                throw new PullException(
                        repository
                                + ": "
                                + entry.path()
                                + " "
                                + ModelSource.inPieces(entry.name()));
            }
        }
    }

    private static String noModel(String repository, Collection<Entry> all) {
        return all.stream()
                .filter(entry -> ModelSource.PIECE.matcher(entry.name()).matches())
                .findFirst()
                .map(
                        entry ->
                                repository
                                        + ": "
                                        + entry.path()
                                        + " "
                                        + ModelSource.inPieces(entry.name()))
                .orElse(
                        all.stream().anyMatch(ModelChoice::isFirst)
                                ? "%s has GGUF files, but not a model: they are only used beside one (projectors, imatrix, mtp)"
                                        .formatted(repository)
                                : "%s has no GGUF file: look for a repository whose name ends in GGUF"
                                        .formatted(repository));
    }

    private static String shown(List<Entry> models, Map<String, Entry> all) {
        String shown =
                models.stream()
                        .limit(MOST_SHOWN)
                        .map(entry -> describe(entry, models, all))
                        .collect(Collectors.joining(", "));
        return models.size() <= MOST_SHOWN
                ? shown
                : shown + String.format(Locale.ROOT, " and %d more", models.size() - MOST_SHOWN);
    }

    /** Describes a model by its file name, or by its path if another has the same name. */
    private static String describe(Entry entry, List<Entry> models, Map<String, Entry> all) {
        boolean isUnique =
                models.stream().filter(other -> other.name().equalsIgnoreCase(entry.name())).count()
                        == 1;
        String folder = entry.path().substring(0, entry.path().lastIndexOf('/') + 1);
        long size =
                ModelSource.parts(entry.path()).stream()
                        .map(all::get)
                        .filter(Objects::nonNull)
                        .mapToLong(Entry::size)
                        .sum();
        return String.format(
                Locale.ROOT,
                "%s (%.1f GB)",
                (isUnique ? "" : folder) + plain(entry.name()),
                size / 1e9);
    }
}
