package io.github.bigllama.cli.chat;

import io.github.bigllama.core.chat.Tool;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/** Tools that a chat can offer to a model. None of them changes anything. */
public final class BuiltInTools {
    /** The arguments of {@code calculate}. */
    private record Calculation(double left, Operator operator, double right) {}

    /** The operators of {@code calculate}. */
    private enum Operator {
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE,
        POWER
    }

    /** No arguments. */
    private record Nothing() {}

    public static final List<Tool> ALL =
            List.of(
                    Tool.of(
                            "current_time",
                            "Says the date and the time here",
                            Nothing.class,
                            nothing ->
                                    ZonedDateTime.now()
                                            .format(
                                                    DateTimeFormatter.ofPattern(
                                                            "EEEE, d MMMM yyyy, HH:mm zzz",
                                                            Locale.ENGLISH))),
                    Tool.of(
                            "calculate",
                            "Calculates with two numbers",
                            Calculation.class,
                            BuiltInTools::calculate));

    private BuiltInTools() {}

    private static String calculate(Calculation calculation) {
        double left = calculation.left;
        double right = calculation.right;
        return Double.toString(
                switch (calculation.operator) {
                    case ADD -> left + right;
                    case SUBTRACT -> left - right;
                    case MULTIPLY -> left * right;
                    case DIVIDE -> left / right;
                    case POWER -> Math.pow(left, right);
                });
    }
}
