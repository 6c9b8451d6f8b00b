package io.github.bigllama.cli;

import io.github.bigllama.core.GenerationOptions;
import java.lang.reflect.Member;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** The options of answers as the command line gave them, and as a chat changes them. */
final class AnswerSettings {
    /** What the command was given, and after it what was set. */
    private final List<String> arguments = new ArrayList<>();

    private final Map<String, String> changed = new TreeMap<>();

    AnswerSettings(CommandSpec given) {
        for (OptionSpec option : given.commandLine().getParseResult().matchedOptions()) {
            boolean isFlag = option.arity().max() == 0;
            for (String value : option.originalStringValues()) {
                arguments.add(isFlag ? option.longestName() : option.longestName() + "=" + value);
            }
        }
    }

    /** What was changed, by name. */
    Map<String, String> changed() {
        return changed;
    }

    /**
     * Changes an option for the answers to come.
     *
     * @param name as on the command line, without dashes
     * @param value empty for a flag
     * @return all options
     * @throws CommandException if there is no such option of answers, or the value is none
     */
    GenerationOptions set(String name, String value) {
        ChatCommand command = new ChatCommand();
        CommandLine line =
                new CommandLine(command)
                        .setOverwrittenOptionsAllowed(true)
                        .setCaseInsensitiveEnumValuesAllowed(true);
        String plain = name.replaceFirst("^-+", "");
        OptionSpec spec = line.getCommandSpec().findOption("--" + plain);
        if (spec == null) {
            spec = line.getCommandSpec().findOption("-" + plain);
        }
        if (spec == null || !isOfAnswers(spec)) {
            throw CommandException.usage(
                    "there is no setting '%s' of answers; see bigllama chat --help, Answer and Sampling"
                            .formatted(name));
        }
        List<String> all = new ArrayList<>(arguments);
        all.add(value.isEmpty() ? spec.longestName() : spec.longestName() + "=" + value);
        try {
            line.parseArgs(all.toArray(String[]::new));
            GenerationOptions options = command.generationOptions();
            arguments.clear();
            arguments.addAll(all);
            changed.put(spec.longestName().substring(2), value.isEmpty() ? "on" : value);
            return options;
        } catch (ParameterException e) {
            throw CommandException.usage(e.getMessage().lines().findFirst().orElse("wrong value"));
        }
    }

    private static boolean isOfAnswers(OptionSpec option) {
        return option.userObject() instanceof Member field
                && (field.getDeclaringClass() == SamplingArguments.class
                        || field.getDeclaringClass() == GenerationArguments.class);
    }
}
