package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.option.AdapterArguments;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.core.Adapter;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.AdapterFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The command that lists and changes the adapters of a chat. */
final class AdapterCommand {
    static final String SYNTAX = "[FILE|N SCALE|drop N]";

    /** A file and a scale, as one of those before is scaled. */
    private static final Pattern SPACED = Pattern.compile("(.+)\\s+([-+]?[0-9.]+)");

    private final LlamaSession session;
    private final ChatUi ui;

    AdapterCommand(LlamaSession session, ChatUi ui) {
        this.session = session;
        this.ui = ui;
    }

    /** Obeys; what the model has been told is computed again at the next message. */
    void obey(String argument) {
        String[] words = argument.split("\\s+");
        if (argument.isEmpty()) {
            list();
        } else if (words.length == 2 && words[0].equals("drop")) {
            drop(numbered(words[1]));
        } else if (words.length == 2 && words[0].matches("\\d+")) {
            scale(numbered(words[0]), words[1]);
        } else {
            add(argument);
        }
    }

    private void list() {
        if (session.adapters().isEmpty()) {
            ui.say("there are no adapters; /lora FILE adds one");
        }
        int number = 0;
        for (Map.Entry<Adapter, Float> entry : session.adapters().entrySet()) {
            ui.say("%d %s:%s".formatted(++number, entry.getKey(), entry.getValue()));
        }
    }

    private Adapter numbered(String text) {
        List<Adapter> all = new ArrayList<>(session.adapters().keySet());
        if (text.matches("\\d{1,6}")) {
            int number = Integer.parseInt(text);
            if (number >= 1 && number <= all.size()) {
                return all.get(number - 1);
            }
        }
        throw CommandException.usage(
                "there is no adapter number %s; /lora lists them".formatted(text));
    }

    private void drop(Adapter adapter) {
        Map<Adapter, Float> left = new LinkedHashMap<>(session.adapters());
        left.remove(adapter);
        session.setAdapters(left);
        adapter.close();
        ui.remark("dropped " + adapter);
    }

    private void scale(Adapter adapter, String text) {
        float scale;
        try {
            scale = Float.parseFloat(text);
        } catch (NumberFormatException e) {
            throw CommandException.usage("'%s' is no number".formatted(text));
        }
        set(adapter, scale);
    }

    private void set(Adapter adapter, float scale) {
        Map<Adapter, Float> all = new LinkedHashMap<>(session.adapters());
        all.put(adapter, scale);
        session.setAdapters(all);
        ui.remark("adapter %s with scale %s".formatted(adapter, scale));
    }

    private void add(String argument) {
        String home = System.getProperty("user.home");
        String text = argument.startsWith("~/") ? home + argument.substring(1) : argument;
        Matcher spaced = SPACED.matcher(text);
        if (spaced.matches() && !Files.exists(Path.of(text))) {
            text = spaced.group(1) + ":" + spaced.group(2);
        }
        AdapterFile file =
                text.indexOf(':') < 0 || Files.exists(Path.of(text))
                        ? AdapterFile.of(Path.of(text))
                        : AdapterArguments.scaled("/lora", text);
        Adapter adapter = session.model().loadAdapter(file);
        set(adapter, file.scale());
    }
}
