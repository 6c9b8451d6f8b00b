package io.github.bigllama.cli.process;

import java.util.Map;

/**
 * The names of options in messages of the library, which names the parts of its records, and what
 * to do in Java.
 */
public final class OptionNames {
    private static final Map<String, String> NAMES =
            Map.ofEntries(
                    Map.entry("ram", "--ram"),
                    Map.entry("contextSize", "--ctx-size"),
                    Map.entry("batchSize", "--batch-size"),
                    Map.entry("microBatchSize", "--ubatch-size"),
                    Map.entry("threads", "--threads"),
                    Map.entry("batchThreads", "--threads-batch"),
                    Map.entry("valueType", "--cache-type-v"),
                    Map.entry("maxTokens", "--predict"),
                    Map.entry("keep", "--keep"),
                    Map.entry("temperature", "--temp"),
                    Map.entry("topK", "--top-k"),
                    Map.entry("topP", "--top-p"),
                    Map.entry("minP", "--min-p"),
                    Map.entry("typicalP", "--typical"),
                    Map.entry("penalties: lastTokens", "--repeat-last-n"),
                    Map.entry("penalties: repeat", "--repeat-penalty"),
                    Map.entry("penalties: frequency", "--frequency-penalty"),
                    Map.entry("penalties: presence", "--presence-penalty"),
                    Map.entry("dry: multiplier", "--dry-multiplier"),
                    Map.entry("dry: base", "--dry-base"),
                    Map.entry("dry: allowedLength", "--dry-allowed-length"),
                    Map.entry("dry: lastTokens", "--dry-penalty-last-n"),
                    Map.entry("xtc: probability", "--xtc-probability"),
                    Map.entry("xtc: threshold", "--xtc-threshold"),
                    Map.entry("mirostat: version", "--mirostat"),
                    Map.entry("mirostat: tau", "--mirostat-ent"),
                    Map.entry("mirostat: eta", "--mirostat-lr"));

    private static final Map<String, String> REMEDIES =
            Map.of(
                    "open the session with a larger context size",
                    "set a larger context with -c",
                    "open it with a larger context",
                    "set a larger context with -c",
                    "; see ModelOptions.withDraftModel",
                    "; name one with --model-draft",
                    ", or was loaded without them; see ModelOptions.withMtp",
                    "");

    private OptionNames() {}

    /**
     * A message that begins with the name of a part, with that of its option instead; and with the
     * option that does what it recommends.
     */
    public static String of(String message) {
        int end = message.indexOf(" is ");
        String name = end < 0 ? null : NAMES.get(message.substring(0, end));
        String named = name == null ? message : name + message.substring(end);
        for (Map.Entry<String, String> remedy : REMEDIES.entrySet()) {
            named = named.replace(remedy.getKey(), remedy.getValue());
        }
        return named;
    }
}
