package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.option.Suggestion;
import io.github.bigllama.cli.output.Printable;
import io.github.bigllama.cli.output.ResidencyPicture;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.OptionNames;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.Projector;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** The commands that can be typed in a chat. */
final class SlashCommands {
    /** A command: its syntax and what it does. */
    private enum Name {
        HELP("", "this list", "/?"),
        RESET("", "forget the conversation", "/clear", "/new"),
        SYSTEM("[TEXT]", "start over with this system message, or with none"),
        UNDO("", "take back the last message and its answer"),
        RETRY("", "answer the last message again"),
        IMAGE("FILE", "show an image, or play a sound, with the next message", "/audio"),
        SAVE("[--force] FILE", "save the conversation and the model's memory of it"),
        LOAD("FILE", "continue the conversation in a file"),
        SET("[NAME [VALUE]]", "change a setting (/set temp 0.2), reset it, or list all"),
        STATS("", "numbers about the last answer"),
        CONTEXT("", "how full the context is"),
        RESIDENCY("", "which parts of the model are in RAM"),
        LORA(AdapterCommand.SYNTAX, "list, add (FILE:SCALE), scale or drop adapters"),
        TOOLS("", "the tools that the model may call"),
        COPY("", "copy the last answer to the clipboard"),
        EXPORT("md|json [FILE]", "write the conversation to a file, or show it"),
        QUIT("", "leave, as do Ctrl-D and Ctrl-C", "/exit", "/bye", "/q");

        private final String arguments;
        private final String description;
        private final Set<String> otherNames;

        Name(String arguments, String description, String... otherNames) {
            this.arguments = arguments;
            this.description = description;
            this.otherNames = Set.of(otherNames);
        }

        String text() {
            return "/" + name().toLowerCase(Locale.ROOT);
        }
    }

    private static final Pattern FORCE = Pattern.compile("--force(\\s+|$)");

    /** Columns of settings in a line of 80 characters. */
    private static final int COLUMNS = 2;

    private static final int COLUMN = 39;

    private final LlamaSession session;
    private final Chat chat;
    private final AnswerSettings settings;
    private final ChatUi ui;

    /** Files that this chat may overwrite, because it has written or read them. */
    private final Set<Path> own = new HashSet<>();

    /** The state of the chat loop that commands read and change. */
    interface State {
        void options(GenerationOptions options);

        List<String> statistics();

        /** Answers the last message again, if there is one. */
        void retry();

        /** Puts an image or a sound into the next message. */
        void attach(Media media);

        /** Takes back what was put into the next message. */
        void forgetMedia();

        void failed(String message);
    }

    private final State state;

    SlashCommands(
            LlamaSession session, Chat chat, AnswerSettings settings, ChatUi ui, State state) {
        this.session = session;
        this.chat = chat;
        this.settings = settings;
        this.ui = ui;
        this.state = state;
    }

    /** The names of all commands, as they are typed. */
    static List<String> names() {
        return Arrays.stream(Name.values()).map(Name::text).toList();
    }

    /** Executes a command; returns false if it ends the chat. */
    boolean obey(String line) {
        String[] parts = line.strip().split("\\s+", 2);
        String argument = parts.length == 1 ? "" : parts[1].strip();
        Optional<Name> name =
                Arrays.stream(Name.values())
                        .filter(n -> n.text().equals(parts[0]) || n.otherNames.contains(parts[0]))
                        .findFirst();
        if (name.isEmpty()) {
            state.failed(unknown(parts[0]));
            return true;
        }
        if (name.get().arguments.isEmpty() && !argument.isEmpty()) {
            state.failed(
                    "%s takes nothing after it; put a space before a message that begins with /"
                            .formatted(parts[0]));
            return true;
        }
        try {
            obey(name.get(), argument);
        } catch (LlamaException | GgufException | CommandException | IllegalArgumentException e) {
            state.failed(OptionNames.of(e.getMessage()));
        } catch (IOException e) {
            state.failed(parts[0] + ": " + CommandException.reason(e));
        }
        return name.get() != Name.QUIT;
    }

    private static String unknown(String typed) {
        List<String> near = Suggestion.of(typed, names());
        return "there is no command %s; %s; put a space before a message that begins with /"
                .formatted(
                        typed,
                        near.isEmpty()
                                ? "/help lists the commands"
                                : "did you mean %s?".formatted(String.join(" or ", near)));
    }

    private void obey(Name name, String argument) throws IOException {
        switch (name) {
            case HELP -> help();
            case RESET -> {
                chat.reset();
                state.forgetMedia();
                ui.remark("the conversation is forgotten");
            }
            case SYSTEM -> system(argument);
            case UNDO -> undo();
            case RETRY -> state.retry();
            case IMAGE -> image(file(name, argument));
            case SAVE -> save(argument);
            case LOAD -> load(file(name, argument));
            case SET -> set(argument);
            case STATS -> state.statistics().forEach(ui::say);
            case CONTEXT -> context();
            case RESIDENCY -> residency();
            case LORA -> new AdapterCommand(session, ui).obey(argument);
            case TOOLS -> tools();
            case COPY -> copy();
            case EXPORT -> export(argument);
            case QUIT -> {}
        }
    }

    private void help() {
        for (Name name : Name.values()) {
            ui.say("%-22s %s".formatted(name.text() + " " + name.arguments, name.description));
        }
        ui.say("");
        ui.say("A \\ at the end of a line continues the message on the next line.");
        ui.say("Ctrl-C stops an answer.");
    }

    private void system(String text) {
        if (text.isEmpty()) {
            chat.resetWithoutSystem();
        } else {
            chat.reset(text);
        }
        ui.remark(
                text.isEmpty()
                        ? "a new conversation without a system message"
                        : "a new conversation with this system message");
    }

    private void undo() {
        chat.undo()
                .ifPresentOrElse(
                        question -> ui.remark("taken back: " + shorten(question.content())),
                        () -> state.failed("there is nothing to take back"));
    }

    private static String shorten(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= 60 ? line : line.substring(0, 60) + "…";
    }

    private static Path file(Name name, String argument) {
        if (argument.isEmpty()) {
            throw CommandException.usage("which file? " + name.text() + " FILE");
        }
        String home = System.getProperty("user.home");
        return Path.of(argument.startsWith("~/") ? home + argument.substring(1) : argument);
    }

    private void image(Path file) {
        Media media = Media.read(file);
        Projector projector =
                session.model()
                        .projector()
                        .orElseThrow(
                                () ->
                                        CommandException.usage(
                                                "the model can't see or hear: there is no projector; start the chat with --mmproj FILE"));
        int tokens = projector.cells(projector.encode(media));
        state.attach(media);
        ui.remark(
                String.format(
                        Locale.ROOT, "the next message has %s, %d tokens", media.name(), tokens));
    }

    private void save(String argument) {
        boolean force = FORCE.matcher(argument).lookingAt();
        String name = FORCE.matcher(argument).replaceFirst("");
        Path file = file(Name.SAVE, name);
        if (!force && Files.exists(file) && !own.contains(ConversationFile.key(file))) {
            throw CommandException.usage(
                    "%s exists; choose another name, or /save --force %s replaces it"
                            .formatted(name, name));
        }
        ConversationFile.save(chat, file);
        own.add(ConversationFile.key(file));
        ui.remark("saved to " + name);
    }

    private void load(Path file) {
        ConversationFile.load(chat, file);
        own.add(ConversationFile.key(file));
        ui.remark(
                String.format(
                        Locale.ROOT,
                        "%d messages, %d tokens in the context",
                        chat.messages().size(),
                        session.contextUsed()));
    }

    private void set(String argument) {
        String[] parts = argument.split("[\\s=]+", 2);
        if (parts[0].isEmpty()) {
            if (settings.changed().isEmpty()) {
                ui.say("no setting was changed");
            }
            settings.changed().forEach((name, value) -> ui.say(name + " " + value));
            ui.say("");
            inColumns(settings.values()).forEach(ui::say);
            return;
        }
        state.options(settings.set(parts[0], parts.length == 1 ? "" : parts[1]));
        ui.remark("set " + argument);
    }

    /** Settings in columns for a narrow terminal. */
    private static List<String> inColumns(Map<String, String> values) {
        List<String> cells = new ArrayList<>();
        int widest = values.keySet().stream().mapToInt(String::length).max().orElse(0);
        int room = COLUMN - widest - 2;
        values.forEach(
                (name, value) -> {
                    String line = Printable.line(value);
                    String shown = line.length() <= room ? line : line.substring(0, room - 1) + "…";
                    cells.add(("%-" + widest + "s %-" + (room + 1) + "s").formatted(name, shown));
                });
        int rows = (cells.size() + COLUMNS - 1) / COLUMNS;
        List<String> lines = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            StringBuilder line = new StringBuilder();
            for (int i = row; i < cells.size(); i += rows) {
                line.append(cells.get(i));
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }

    private void context() {
        List<ChatMessage> messages = chat.messages();
        long turns = messages.stream().filter(message -> message.role() == Role.USER).count();
        ui.say(
                String.format(
                        Locale.ROOT,
                        "%d of %d tokens used, %d %%",
                        session.contextUsed(),
                        session.contextSize(),
                        100 * session.contextUsed() / session.contextSize()));
        ui.say(
                String.format(
                        Locale.ROOT,
                        "%d %s%s",
                        turns,
                        turns == 1 ? "turn" : "turns",
                        messages.stream().anyMatch(m -> m.role() == Role.SYSTEM)
                                ? " after a system message"
                                : ""));
        if (chat.forgottenMessages() > 0) {
            ui.say(
                    String.format(
                            Locale.ROOT,
                            "the oldest %d messages had to make room; the model no longer sees them",
                            chat.forgottenMessages()));
        }
    }

    private void residency() throws IOException {
        Weights weights = Weights.of(ModelFiles.read(session.model().path()));
        ResidencyPicture.draw(weights).forEach(ui::say);
        session.model().residency().ifPresent(kept -> ui.say(kept.plan().toString()));
    }

    private void tools() {
        if (chat.tools().isEmpty()) {
            ui.say("the model has no tools; start the chat with --tools");
        }
        chat.tools().forEach(tool -> ui.say("%-16s %s".formatted(tool.name(), tool.description())));
    }

    private void copy() {
        String answer = chat.reply().content();
        if (answer.isEmpty()) {
            state.failed("there is no answer to copy");
        } else if (ui.copy(answer)) {
            ui.remark("copied, if the terminal allows it");
        } else {
            state.failed("there is no clipboard here");
        }
    }

    private void export(String argument) throws IOException {
        String[] parts = argument.split("\\s+", 2);
        String text =
                switch (parts[0]) {
                    case "md", "" -> ChatExport.markdown(chat.messages());
                    case "json" -> ChatExport.json(chat.messages()) + "\n";
                    default ->
                            throw CommandException.usage(
                                    "there is no format '%s', only md and json"
                                            .formatted(parts[0]));
                };
        if (parts.length == 1) {
            text.lines().forEach(ui::say);
            remarkMedia(parts[0]);
            return;
        }
        Path file = file(Name.EXPORT, parts[1]);
        if (Files.exists(file)) {
            throw CommandException.usage(file + " exists; choose another name");
        }
        Files.writeString(file, text, StandardCharsets.UTF_8);
        ui.remark("written to " + file);
        remarkMedia(parts[0]);
    }

    private void remarkMedia(String format) {
        if (format.equals("json")
                && chat.messages().stream().anyMatch(message -> !message.media().isEmpty())) {
            ui.remark("images and sounds are left out; /export md names them");
        }
    }
}
