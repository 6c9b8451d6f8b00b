package io.github.bigllama.internal.llama;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tokens that a grammar in GBNF names, as {@code <[7]>} or {@code <|im_end|>}. llama.cpp takes
 * any number, so that a token that does not exist would silently never come.
 */
public final class TokenReferences {
    /** What is no reference, though it may look like one, is matched first. */
    private static final Pattern PARTS =
            Pattern.compile(
                    "\"(?:[^\"\\\\]|\\\\.)*+\"|\\[(?:[^]\\\\]|\\\\.)*+]|#[^\r\n]*+|(?<token><[^>\r\n]*+>)",
                    Pattern.DOTALL);

    private static final Pattern NUMBER = Pattern.compile("<\\[(\\d+)]>");

    private TokenReferences() {}

    /**
     * Checks what does not depend on a vocabulary.
     *
     * @throws IllegalArgumentException if a number is too large for any
     */
    public static void check(String gbnf) {
        for (String token : of(gbnf)) {
            Matcher number = NUMBER.matcher(token);
            if (number.matches() && id(number.group(1)) == Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        String.format(
                                Locale.ROOT,
                                "cannot use the grammar: %s can't be a token: ids are at most %d",
                                token,
                                Integer.MAX_VALUE - 1));
            }
        }
    }

    /** Why a grammar does not suit a vocabulary; empty if it does. */
    public static List<String> problems(String gbnf, Vocabulary vocabulary) {
        List<String> problems = new ArrayList<>();
        for (String token : of(gbnf)) {
            Matcher number = NUMBER.matcher(token);
            if (number.matches()) {
                if (id(number.group(1)) >= vocabulary.size()) {
                    problems.add(
                            String.format(
                                    Locale.ROOT,
                                    "%s is no token of the model: its ids are 0 to %d",
                                    token,
                                    vocabulary.size() - 1));
                }
            } else if (vocabulary.encode(token, false, true).length != 1) {
                problems.add(
                        token
                                + " is no token of the model; write a text in quotes, or the id of a "
                                + "token as <[7]>");
            }
        }
        return problems;
    }

    private static int id(String digits) {
        try {
            return Integer.parseInt(digits);
        } catch (NumberFormatException e) {
            return Integer.MAX_VALUE;
        }
    }

    private static List<String> of(String gbnf) {
        return PARTS.matcher(gbnf)
                .results()
                .map(part -> part.group("token"))
                .filter(token -> token != null)
                .distinct()
                .toList();
    }
}
