package io.github.bigllama.internal.schema.value;

import io.github.bigllama.internal.regex.Regex;
import io.github.bigllama.internal.regex.RegexParser;
import java.util.Map;
import java.util.Optional;

/** The formats of strings, as patterns. Some are narrower than their definition. */
public final class Formats {
    private static final String MONTH_AND_DAY =
            "((01|03|05|07|08|10|12)-(0[1-9]|[12]\\d|3[01])"
                    + "|(04|06|09|11)-(0[1-9]|[12]\\d|30)"
                    + "|02-(0[1-9]|1\\d|2[0-8]))";
    private static final String LEAP_DAY = "\\d\\d(0[48]|[2468][048]|[13579][26])-02-29";
    private static final String DATE = "(\\d{4}-" + MONTH_AND_DAY + "|" + LEAP_DAY + ")";
    private static final String LOCAL_TIME = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?";
    private static final String OFFSET = "(Z|\\+(0\\d|1[0-7]):[0-5]\\d|-(0[1-9]|1[0-7]):[0-5]\\d)";
    private static final String HEX = "[0-9a-fA-F]";
    private static final String LABEL = "[a-zA-Z0-9]{1,30}(-[a-zA-Z0-9]{1,20})?";
    private static final String HOST = LABEL + "(\\." + LABEL + "){0,3}";

    /** Internationalized labels must not have capitals. */
    private static final String LOWER_LABEL = LABEL.replace("A-Z", "");

    /** Validators check against a list of top-level domains. */
    private static final String TOP_LEVEL =
            "(com|org|net|edu|gov|info|io|co|eu|us|uk|ca|mx|br|ar|cl|de|at|ch|fr|be|nl|it|es|pt|ie"
                    + "|dk|se|no|fi|pl|cz|hu|ro|gr|tr|il|ua|ru|za|in|cn|jp|kr|tw|hk|sg|id|th|au|nz)";

    private static final String EMAIL =
            "[a-zA-Z0-9_+-]{1,24}(\\.[a-zA-Z0-9_+-]{1,12}){0,2}@("
                    + LABEL
                    + "\\.){1,3}"
                    + TOP_LEVEL;
    private static final String URI_PART = "[a-zA-Z0-9._~-]";
    private static final String URI =
            "[a-z]{3,8}://"
                    + HOST
                    + "(:[1-9]\\d{0,3})?(/"
                    + URI_PART
                    + "*)*(\\?[a-zA-Z0-9._~=&-]*)?(#"
                    + URI_PART
                    + "*)?";
    private static final String POINTER = "(/[a-zA-Z0-9_-]*)*";
    private static final String OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

    private static final Map<String, String> PATTERNS =
            Map.ofEntries(
                    Map.entry("date", DATE),
                    Map.entry("time", LOCAL_TIME + OFFSET),
                    Map.entry("date-time", DATE + "T" + LOCAL_TIME + OFFSET),
                    Map.entry("local-time", LOCAL_TIME),
                    Map.entry("local-date-time", DATE + "T" + LOCAL_TIME),
                    Map.entry("duration", "(P\\d{1,6}D|PT\\d{1,6}H(\\d{1,6}M)?|PT\\d{1,6}[MS])"),
                    Map.entry(
                            "uuid",
                            HEX + "{8}-" + HEX + "{4}-" + HEX + "{4}-" + HEX + "{4}-" + HEX
                                    + "{12}"),
                    Map.entry("email", EMAIL),
                    Map.entry("idn-email", EMAIL),
                    Map.entry("hostname", HOST),
                    Map.entry("idn-hostname", LOWER_LABEL + "(\\." + LOWER_LABEL + "){0,3}"),
                    Map.entry("ipv4", "(" + OCTET + "\\.){3}" + OCTET),
                    Map.entry("ipv6", "(" + HEX + "{1,4}:){7}" + HEX + "{1,4}"),
                    Map.entry("uri", URI),
                    Map.entry("uri-reference", URI),
                    Map.entry("uri-template", URI),
                    Map.entry("iri", URI),
                    Map.entry("iri-reference", URI),
                    Map.entry("json-pointer", POINTER),
                    Map.entry("relative-json-pointer", "(0|[1-9]\\d{0,3})" + POINTER));

    private Formats() {}

    /** Whether a format applies to strings; others are hints for numbers, or unknown. */
    public static boolean isOfStrings(String format) {
        return PATTERNS.containsKey(format) || format.equals("regex");
    }

    /** The regular expression of a format; empty if there is none. */
    public static Optional<Regex> regex(String format) {
        return Optional.ofNullable(PATTERNS.get(format))
                .map(pattern -> RegexParser.parse("^" + pattern + "$"));
    }

    /** The pattern of a format that has one. */
    public static String pattern(String format) {
        return "^" + PATTERNS.get(format) + "$";
    }
}
