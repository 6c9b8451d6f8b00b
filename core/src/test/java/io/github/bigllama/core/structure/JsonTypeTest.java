package io.github.bigllama.core.structure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JacksonInject;
import com.fasterxml.jackson.annotation.JsonClassDescription;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.jsontype.BasicPolymorphicTypeValidator;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import com.fasterxml.jackson.datatype.jsr310.deser.LocalDateDeserializer;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.internal.llama.Json;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.YearMonth;
import java.time.format.DateTimeFormatter;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Java types as schemas, and back: whatever the grammar lets a model write can be read. */
class JsonTypeTest {
    record Integers(
            byte b,
            short s,
            int i,
            long l,
            Byte bb,
            Short ss,
            Integer ii,
            Long ll,
            BigInteger big) {}

    record Numbers(double d, float f, Double dd, Float ff, BigDecimal big) {}

    record Texts(String s, char c, Character cc, CharSequence sequence, char[] chars) {}

    record Binary(byte[] bytes, boolean yes) {}

    record Collected(
            Set<Integer> set,
            List<List<Byte>> nested,
            int[] array,
            String[][] texts,
            Byte[] boxed) {}

    record Times(
            LocalDate date,
            LocalTime time,
            LocalDateTime dateTime,
            Instant instant,
            OffsetDateTime offset,
            YearMonth month,
            Duration duration) {}

    record Ids(UUID id, URI uri) {}

    record Optionals(Optional<String> text, OptionalInt number, Optional<List<Short>> list) {}

    enum Level {
        LOW,
        @JsonProperty("very-high")
        HIGH
    }

    enum Coded {
        A(10),
        B(20);

        private final int code;

        Coded(int code) {
            this.code = code;
        }

        @JsonValue
        int code() {
            return code;
        }
    }

    record Enums(Level level, Map<Level, Integer> byLevel, Coded coded, List<Level> all) {}

    record Maps(Map<String, Long> counts, Map<String, List<Double>> lists) {}

    record Named(
            @JsonProperty("first_name") String firstName,
            @JsonPropertyDescription("in years") int age,
            @JsonIgnore String hidden) {}

    record Email(@JsonValue String address) {
        @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
        Email {}
    }

    record Mail(Email from, List<Email> to) {}

    sealed interface Shape permits Circle, Square, Nothing {}

    record Circle(int radius) implements Shape {}

    record Square(int side) implements Shape {}

    record Nothing() implements Shape {}

    record Drawing(List<Shape> shapes, Circle first) {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = Cat.class, name = "cat"),
        @JsonSubTypes.Type(value = Dog.class, name = "dog")
    })
    interface Pet {}

    record Cat(int lives) implements Pet {}

    record Dog(String name) implements Pet {}

    record Zoo(Pet pet, List<Cat> cats) {}

    record Tree(String name, List<Tree> children) {}

    record Chain(int value, Optional<Chain> next) {}

    record Pair<A, B>(A first, B second) {}

    record Pairs(Pair<Integer, Level> one, Pair<String, Pair<Boolean, Byte>> two) {}

    @JsonClassDescription("A place")
    static class Bean {
        public String name;
        private int size;

        public int getSize() {
            return size;
        }

        public void setSize(int size) {
            this.size = size;
        }
    }

    enum Spoken {
        LOUD {
            @Override
            int volume() {
                return 9;
            }
        },
        SOFT {
            @Override
            int volume() {
                return 2;
            }
        };

        abstract int volume();
    }

    record Sealed(Spoken spoken, EnumSet<Level> levels, EnumMap<Spoken, Integer> volumes) {}

    sealed interface Term permits Atom, Compound {}

    record Atom(String name) implements Term {}

    sealed interface Compound extends Term permits Sum, Negation {}

    record Sum(Term left, Term right) implements Compound {}

    record Negation(Term of) implements Compound {}

    record Trees(JsonNode any, ObjectNode object, ArrayNode array) {}

    record Demanded(@JsonProperty(required = true) Optional<Integer> number) {}

    record Injected(@JacksonInject String secret, int size) {}

    @JsonFormat(shape = JsonFormat.Shape.ARRAY)
    record Row(int a, String b) {}

    record Rows(@JsonFormat(shape = JsonFormat.Shape.ARRAY) Circle circle) {}

    record Growing<T>(T value, List<Growing<List<T>>> more) {}

    record Day(LocalDate day) {}

    record Free(Object anything, Map<String, Object> more) {}

    record Endless(String name, Endless next) {}

    record Odd(Thread thread) {}

    static Stream<JsonType<?>> types() {
        return Stream.of(
                JsonType.of(Integers.class),
                JsonType.of(Numbers.class),
                JsonType.of(Texts.class),
                JsonType.of(Binary.class),
                JsonType.of(Collected.class),
                JsonType.of(Times.class),
                JsonType.of(Ids.class),
                JsonType.of(Optionals.class),
                JsonType.of(Enums.class),
                JsonType.of(Maps.class),
                JsonType.of(Named.class),
                JsonType.of(Mail.class),
                JsonType.of(Drawing.class),
                JsonType.of(Shape.class),
                JsonType.of(Zoo.class),
                JsonType.of(Tree.class),
                JsonType.of(Chain.class),
                JsonType.of(Pairs.class),
                JsonType.of(Bean.class),
                JsonType.of(Free.class),
                JsonType.of(Sealed.class),
                JsonType.of(Term.class),
                JsonType.of(Trees.class),
                JsonType.of(Demanded.class),
                JsonType.of(Demanded.class)
                        .withMapper(
                                JsonMapper.builder()
                                        .addModule(new Jdk8Module())
                                        .enable(DeserializationFeature.UNWRAP_ROOT_VALUE)
                                        .build()),
                JsonType.of(Optionals.class)
                        .withMapper(
                                JsonMapper.builder()
                                        .addModule(new Jdk8Module())
                                        .enable(
                                                DeserializationFeature
                                                        .FAIL_ON_MISSING_CREATOR_PROPERTIES)
                                        .build()),
                JsonType.of(Level.class),
                JsonType.of(int.class),
                JsonType.of(String.class),
                JsonType.listOf(Circle.class),
                JsonType.of(new TypeReference<Map<String, Pair<Level, Optional<UUID>>>>() {}),
                JsonType.of(Named.class)
                        .withMapper(
                                JsonMapper.builder()
                                        .propertyNamingStrategy(
                                                PropertyNamingStrategies.UPPER_CAMEL_CASE)
                                        .build()));
    }

    @ParameterizedTest
    @MethodSource("types")
    void whateverTheGrammarAllowsCanBeRead(JsonType<?> type) {
        GbnfWalk model = new GbnfWalk(Grammar.of(type).toString());
        Random random = new Random(7);
        for (int i = 0; i < 100; i++) {
            String text = model.text(random);
            Object value = type.read(text);
            assertThat(value).as(text).isNotNull();
            assertThat(type.write(value)).as(text).doesNotContain("Infinity", "NaN");
        }
    }

    @Test
    void theSchemaOfARecord() {
        assertThat(Json.read(JsonType.of(Named.class).schema()))
                .isEqualTo(
                        Json.read(
                                """
                                {
                                  "type": "object",
                                  "properties": {
                                    "first_name": {"type": "string"},
                                    "age": {
                                      "type": "integer",
                                      "minimum": -2147483648,
                                      "maximum": 2147483647,
                                      "description": "in years"
                                    }
                                  },
                                  "required": ["first_name", "age"],
                                  "additionalProperties": false
                                }
                                """));
        assertThat(JsonType.of(Bean.class).schema()).contains("\"description\":\"A place\"");
        assertThat(JsonType.of(Level.class).schema())
                .isEqualTo(
                        """
                        {"enum":["LOW","very-high"],"type":"string"}""");
        assertThat(JsonType.of(Tree.class).schema()).contains("\"$ref\":\"#/$defs/Tree\"");
    }

    @Test
    void namesOfTheMapperAreThoseOfTheSchema() {
        Named named =
                JsonType.of(Named.class)
                        .read(
                                """
                                {"first_name": "Ada", "age": 36}
                                """);
        assertThat(named).isEqualTo(new Named("Ada", 36, null));
        ObjectMapper snake =
                JsonMapper.builder()
                        .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                        .build();
        record Wide(int firstPart) {}
        JsonType<Wide> type = JsonType.of(Wide.class).withMapper(snake);
        assertThat(type.schema()).contains("first_part").doesNotContain("firstPart");
        assertThat(
                        type.read(
                                """
                                {"first_part": 3}
                                """))
                .isEqualTo(new Wide(3));
        assertThat(
                        JsonType.of(Shape.class)
                                .read(
                                        """
                                        {"@type":"Circle","radius":2}"""))
                .isEqualTo(new Circle(2));
        assertThat(JsonType.of(Chain.class).read("{\"value\":1}"))
                .isEqualTo(new Chain(1, Optional.empty()));
        assertThat(JsonType.listOf(Circle.class).read("[{\"radius\":2}]"))
                .containsExactly(new Circle(2));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "hello",
                "null",
                "[]",
                "{}",
                """
                {"first_name": "Ada"}
                """,
                """
                {"first_name": null, "age": 36}
                """,
                """
                {"first_name": "Ada", "age": null}
                """,
                """
                {"first_name": "Ada", "age": 36} and more
                """,
                """
                {"first_name": "Ada", "age": 36}{}
                """,
                """
                {"first_name": "Ada", "age": "36"}
                """,
                """
                {"first_name": "Ada", "age": 3000000000}
                """,
                """
                {"first_name": 7, "age": 36}
                """,
                """
                {"firstName": "Ada", "age": 36}
                """,
                """
                {"first_name": "Ada", "age": 36, "hidden": "x"}
                """
            })
    void whatIsNotOfTheTypeIsRefused(String text) {
        assertThatThrownBy(() -> new Reply(text, "", List.of()).as(Named.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("the reply is not a valid Named: ");
    }

    @Test
    void nullIsRefusedWhereTheTypeForbidsIt() {
        JsonType<List<String>> texts = JsonType.listOf(String.class);
        assertThatThrownBy(() -> texts.read("[null]"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("/0");
        assertThat(JsonType.of(Optionals.class).read("{\"text\":null}").text()).isEmpty();
        assertThatThrownBy(() -> JsonType.of(Numbers.class).read(numbers("1e999")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(JsonType.of(Numbers.class).read(numbers("1e20")).d()).isEqualTo(1e20);
    }

    private static String numbers(String d) {
        return "{\"d\":" + d + ",\"f\":1,\"dd\":1,\"ff\":1,\"big\":1}";
    }

    @Test
    void whatHasNoSchemaIsNamed() {
        assertThatThrownBy(() -> Grammar.of(Odd.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Odd.thread: ")
                .hasMessageContaining("java.lang.Thread");
        assertThatThrownBy(() -> Grammar.of(Endless.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("always contains itself, without an end");
        assertThatThrownBy(() -> JsonType.of(new TypeReference<Map<UUID, String>>() {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the keys of a map must be strings or an enum");
        assertThatThrownBy(() -> JsonType.of(Shape.class).withMapper(new ObjectMapper()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Shape");
    }

    @ParameterizedTest
    @ValueSource(classes = {Injected.class, Row.class, Rows.class, Growing.class})
    void whatJacksonReadsInAnotherWayIsRefused(Class<?> type) {
        assertThatThrownBy(() -> JsonType.of(type))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(type.getSimpleName())
                .hasMessageContaining("there is no JSON schema for ");
    }

    static Stream<ObjectMapper> othersMappers() {
        SimpleModule german = new SimpleModule();
        german.addDeserializer(
                LocalDate.class,
                new LocalDateDeserializer(DateTimeFormatter.ofPattern("dd.MM.yyyy")));
        return Stream.of(
                new ObjectMapper(),
                JsonMapper.builder().addModules(new JavaTimeModule(), german).build(),
                JsonMapper.builder()
                        .addModule(new JavaTimeModule())
                        .withConfigOverride(
                                LocalDate.class,
                                day -> day.setFormat(JsonFormat.Value.forPattern("dd.MM.yyyy")))
                        .build());
    }

    @ParameterizedTest
    @MethodSource("othersMappers")
    void aMapperThatReadsAnotherFormIsRefused(ObjectMapper mapper) {
        assertThatThrownBy(() -> JsonType.of(Day.class).withMapper(mapper))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Day.day: ")
                .hasMessageContaining("the mapper can't read \"2024-02-29\"");
    }

    @Test
    void typesThatNameTheirClassAreRefused() {
        ObjectMapper naming =
                JsonMapper.builder()
                        .activateDefaultTyping(
                                BasicPolymorphicTypeValidator.builder()
                                        .allowIfBaseType(Object.class)
                                        .build(),
                                ObjectMapper.DefaultTyping.NON_FINAL)
                        .build();
        assertThatThrownBy(() -> JsonType.of(Free.class).withMapper(naming))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("its JSON names the class");
    }

    record Moment(LocalDate day, Instant at, Duration took) {}

    sealed interface Figure permits Ring, Plate {}

    record Ring(double radius) implements Figure {}

    record Plate(double side) implements Figure {}

    @Test
    void whatIsWrittenIsWhatTheSchemaWants() {
        Moment moment = new Moment(LocalDate.of(2026, 12, 1), Instant.EPOCH, Duration.ofMinutes(3));
        JsonType<Moment> type = JsonType.of(Moment.class);
        assertThat(type.write(moment))
                .isEqualTo(
                        "{\"day\":\"2026-12-01\",\"at\":\"1970-01-01T00:00:00Z\",\"took\":\"PT3M\"}");
        assertThat(type.read(type.write(moment))).isEqualTo(moment);
        JsonType<Figure> shape = JsonType.of(Figure.class);
        assertThat(shape.read(shape.write(new Plate(2)))).isEqualTo(new Plate(2));
        JsonType<List<Figure>> shapes = JsonType.listOf(Figure.class);
        List<Figure> both = List.of(new Ring(1), new Plate(2));
        assertThat(shapes.read(shapes.write(both))).isEqualTo(both);
        assertThat(shape.write("any")).isEqualTo("\"any\"");
    }
}
