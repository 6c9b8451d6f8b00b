package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.option.GenerationArguments;
import io.github.bigllama.cli.option.GenerationSettings;
import io.github.bigllama.cli.option.SamplingArguments;
import io.github.bigllama.cli.option.Suggestion;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.option.GenerationOptions;
import java.lang.reflect.Member;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** The options of answers, as given on the command line and changed in a chat. */
public final class AnswerSettings {
    /** Options that a conversation begins with and can't change later. */
    private static final Set<String> OF_CHATS =
            Set.of("--system-prompt", "--chat-template", "--chat-template-file");

    /** Sets of options of which each replaces the others. */
    private static final List<Set<String>> ALTERNATIVES =
            List.of(
                    Set.of("--greedy", "--temperature"),
                    Set.of("--grammar", "--grammar-file", "--json-schema", "--json-schema-file"));

    /** An option as it was given; the value is empty for a flag. */
    private record Argument(OptionSpec option, String value) {
        String text() {
            return value.isEmpty() ? option.longestName() : option.longestName() + "=" + value;
        }
    }

    /** The arguments of the command, with those that were changed since. */
    private List<Argument> arguments = new ArrayList<>();

    private final Map<String, String> changed = new TreeMap<>();

    public AnswerSettings(CommandSpec given) {
        for (OptionSpec option : given.commandLine().getParseResult().matchedOptions()) {
            for (String value : option.originalStringValues()) {
                arguments.add(new Argument(option, isFlag(option) ? "" : value));
            }
        }
    }

    /** The names of all settings. */
    static List<String> names() {
        return commandLine(new GenerationSettings()).getCommandSpec().options().stream()
                .filter(AnswerSettings::isOfAnswers)
                .map(option -> option.longestName().substring(2))
                .sorted()
                .toList();
    }

    /** The current values of all settings, by name; a dash for one that is not set. */
    Map<String, String> values() {
        CommandLine line = commandLine(new GenerationSettings());
        line.parseArgs(texts(ofAnswers(line.getCommandSpec())));
        Map<String, String> values = new TreeMap<>();
        for (OptionSpec option : line.getCommandSpec().options()) {
            if (isOfAnswers(option)) {
                values.put(option.longestName().substring(2), text(option.getValue()));
            }
        }
        return values;
    }

    private static String text(Object value) {
        if (value instanceof Boolean flag) {
            return flag ? "on" : "off";
        }
        boolean isUnset =
                value == null
                        || value instanceof Collection<?> all && all.isEmpty()
                        || value instanceof Map<?, ?> map && map.isEmpty();
        return isUnset ? "-" : value.toString();
    }

    /** The arguments that answers depend on; the command has more. */
    private List<Argument> ofAnswers(CommandSpec spec) {
        return arguments.stream()
                .filter(argument -> spec.findOption(argument.option.longestName()) != null)
                // No answer depends on an option with several values.
                .filter(argument -> argument.option.arity().max() <= 1)
                .toList();
    }

    private static String[] texts(List<Argument> given) {
        return given.stream().map(Argument::text).toArray(String[]::new);
    }

    /** The settings that were changed, by name. */
    Map<String, String> changed() {
        return changed;
    }

    /**
     * Changes an option for the following answers.
     *
     * @param name the name of the option without dashes
     * @param value the value, or empty to turn on a flag or reset another option; {@code off}
     *     resets a flag
     * @return all options
     * @throws CommandException if answers have no such option, or the value is invalid
     */
    GenerationOptions set(String name, String value) {
        GenerationSettings settings = new GenerationSettings();
        CommandLine line = commandLine(settings);
        CommandSpec spec = line.getCommandSpec();
        OptionSpec option = option(spec, name);
        boolean isDefault = isFlag(option) ? value.equals("off") : value.isEmpty();
        if (isFlag(option) && !isDefault && !value.isEmpty() && !value.equals("on")) {
            throw CommandException.usage(
                    "%s is on or off, not '%s'".formatted(option.longestName(), value));
        }
        List<Argument> all = new ArrayList<>(ofAnswers(spec));
        all.removeIf(argument -> isSame(argument.option, option));
        if (!isDefault) {
            all.removeIf(argument -> isAlternative(argument.option.longestName(), option));
            all.add(new Argument(option, isFlag(option) ? "" : value));
        }
        try {
            line.parseArgs(texts(all));
            GenerationOptions options = settings.conversationOptions();
            arguments = all;
            changed.keySet().removeIf(other -> isAlternative("--" + other, option));
            changed.put(
                    option.longestName().substring(2),
                    isDefault ? "default" : value.isEmpty() ? "on" : value);
            return options;
        } catch (ParameterException e) {
            throw CommandException.usage(e.getMessage().lines().findFirst().orElse("wrong value"));
        }
    }

    private static CommandLine commandLine(GenerationSettings settings) {
        return new CommandLine(settings).setCaseInsensitiveEnumValuesAllowed(true);
    }

    private static OptionSpec option(CommandSpec spec, String name) {
        String plain = name.replaceFirst("^-+", "");
        OptionSpec option = spec.findOption("--" + plain);
        if (option == null) {
            option = spec.findOption("-" + plain);
        }
        if (option == null || !isOfAnswers(option)) {
            List<String> near = Suggestion.of(plain, names());
            throw CommandException.usage(
                    "there is no setting '%s' for answers; %s"
                            .formatted(
                                    name,
                                    near.isEmpty()
                                            ? "/set lists them"
                                            : "did you mean " + String.join(" or ", near) + "?"));
        }
        return option;
    }

    private static boolean isSame(OptionSpec one, OptionSpec other) {
        return one.longestName().equals(other.longestName());
    }

    private static boolean isAlternative(String name, OptionSpec option) {
        return ALTERNATIVES.stream()
                .anyMatch(names -> names.contains(name) && names.contains(option.longestName()));
    }

    private static boolean isFlag(OptionSpec option) {
        return option.arity().max() == 0;
    }

    private static boolean isOfAnswers(OptionSpec option) {
        return !OF_CHATS.contains(option.longestName())
                && option.userObject() instanceof Member field
                && (field.getDeclaringClass() == SamplingArguments.class
                        || field.getDeclaringClass() == GenerationArguments.class);
    }
}
