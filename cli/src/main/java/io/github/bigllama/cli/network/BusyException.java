package io.github.bigllama.cli.network;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A server refuses a request for now, and may say when to ask again. */
public final class BusyException extends IOException {
    private static final long serialVersionUID = 1;

    private static final Pattern SECONDS = Pattern.compile("\\s*(\\d{1,10})(?:\\.\\d+)?\\s*");

    /**
     * The seconds in {@code "resolvers";r=0;t=287}, and in the older {@code limit=9, remaining=0,
     * reset=287}.
     */
    private static final Pattern LIMIT =
            Pattern.compile(
                    "(?:^|[;,\\s])(?:t|reset)\\s*=\\s*(\\d{1,9})", Pattern.CASE_INSENSITIVE);

    /** A larger number of seconds must be a point in time, not a duration. */
    private static final long EPOCH = 1_000_000_000;

    private final int status;

    /** How long to wait; null if the server does not say. */
    private final @Nullable Duration asked;

    private BusyException(int status, @Nullable Duration asked) {
        super("the server says " + status);
        this.status = status;
        this.asked = asked;
    }

    /** The exception for a response that means "later"; empty for other responses. */
    public static Optional<BusyException> of(Http.Answer answer) {
        int status = answer.status();
        Optional<Duration> asked = asked(answer, Instant.now());
        boolean isLater =
                switch (status) {
                    case 408, 425, 429 -> true;
                    case 501, 505 -> false;
                    default ->
                            status >= 500
                                    || status >= 400 && answer.header("Retry-After").isPresent();
                };
        return isLater
                ? Optional.of(new BusyException(status, asked.orElse(null)))
                : Optional.empty();
    }

    int status() {
        return status;
    }

    Optional<Duration> asked() {
        return Optional.ofNullable(asked);
    }

    private static Optional<Duration> asked(Http.Answer answer, Instant now) {
        Optional<Duration> after =
                answer.header("Retry-After").flatMap(text -> after(text, answer));
        if (after.isPresent()) {
            return after;
        }
        Optional<String> limit = answer.header("RateLimit");
        if (limit.isPresent()) {
            Matcher matcher = LIMIT.matcher(limit.get());
            if (matcher.find()) {
                return Optional.of(Duration.ofSeconds(Long.parseLong(matcher.group(1))));
            }
        }
        return answer.header("RateLimit-Reset")
                .or(() -> answer.header("X-RateLimit-Reset"))
                .flatMap(BusyException::seconds)
                .map(
                        seconds ->
                                seconds > EPOCH
                                        ? notNegative(
                                                Duration.between(
                                                        now, Instant.ofEpochSecond(seconds)))
                                        : Duration.ofSeconds(seconds));
    }

    private static Optional<Duration> after(String text, Http.Answer answer) {
        Optional<Long> seconds = seconds(text);
        if (seconds.isPresent()) {
            return seconds.map(Duration::ofSeconds);
        }
        // By the server's clock, if the response has its time.
        return date(text)
                .map(
                        then ->
                                notNegative(
                                        Duration.between(
                                                answer.header("Date")
                                                        .flatMap(BusyException::date)
                                                        .orElse(Instant.now()),
                                                then)));
    }

    private static Optional<Long> seconds(String text) {
        Matcher matcher = SECONDS.matcher(text);
        return matcher.matches() ? Optional.of(Long.parseLong(matcher.group(1))) : Optional.empty();
    }

    private static Optional<Instant> date(String text) {
        try {
            return Optional.of(
                    ZonedDateTime.parse(text.strip(), DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant());
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    private static Duration notNegative(Duration duration) {
        return duration.isNegative() ? Duration.ZERO : duration;
    }
}
