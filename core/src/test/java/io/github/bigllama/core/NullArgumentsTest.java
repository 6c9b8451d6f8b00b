package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.Tool;
import io.github.bigllama.core.chat.ToolCall;
import io.github.bigllama.core.chat.ToolException;
import io.github.bigllama.core.eval.KlDivergence;
import io.github.bigllama.core.eval.Perplexity;
import io.github.bigllama.core.forecast.Bandwidths;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.inspect.ModelSummary;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.RerankingOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.Quantizer;
import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.JsonType;
import io.github.bigllama.testing.DemoModel;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.lang.reflect.RecordComponent;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** For a null argument that is not allowed, the exception names the parameter. */
class NullArgumentsTest {
    private record City(String name) {}

    private static final List<Object> VALUES =
            List.of(
                    AdapterFile.of(Path.of("none")),
                    GenerationOptions.defaults(),
                    ServerOptions.defaults(),
                    EmbeddingOptions.defaults(),
                    RerankingOptions.defaults(),
                    ModelOptions.defaults(),
                    SessionOptions.defaults(),
                    SamplingOptions.defaults(),
                    SamplingOptions.Dry.OFF,
                    SamplingOptions.Mirostat.OFF,
                    SamplingOptions.Penalties.OFF,
                    SamplingOptions.Xtc.OFF,
                    ToolChoice.AUTO,
                    ChatOptions.defaults(),
                    QuantizeOptions.defaults(),
                    new QuantizeOptions.TensorType("ffn_down", GgmlType.Q8_0),
                    Bandwidths.of(1, 1),
                    URI.create("http://localhost:1/model.gguf"),
                    Grammar.of(City.class),
                    JsonType.of(City.class),
                    new Reply("{\"name\":\"Oslo\"}", "", List.of()),
                    new ChatMessage(Role.USER, "Hello."),
                    ChatMessage.Part.of("Hello."),
                    Media.of("image", new byte[1]),
                    new ToolCall("call00001", "city", "{}"),
                    Tool.of("city", "a city", City.class, City::name),
                    new ToolException("no such city"),
                    Infill.of("before", "after"),
                    new Infill.Repository("repository", "file", List.of()),
                    new Infill.SourceFile("file", "text"),
                    new TokenLogprob(1, "a", -1, List.of()),
                    new TokenLogprob.Alternative(1, "a", -1));

    /** Types whose constructors and static methods are for programs to call. */
    private static final List<Class<?>> TYPES =
            List.of(
                    LlamaModel.class,
                    LlamaSession.class,
                    Tokenizer.class,
                    Embedder.class,
                    ServerOptions.class,
                    TokenLogprob.class,
                    TokenLogprob.Alternative.class,
                    Infill.class,
                    Infill.Repository.class,
                    Infill.SourceFile.class,
                    Chat.class,
                    GenerationOptions.class,
                    EmbeddingOptions.class,
                    AdapterFile.class,
                    RerankingOptions.class,
                    ModelOptions.class,
                    SessionOptions.class,
                    SamplingOptions.class,
                    SamplingOptions.Dry.class,
                    SamplingOptions.Mirostat.class,
                    SamplingOptions.Penalties.class,
                    SamplingOptions.Xtc.class,
                    ToolChoice.class,
                    ChatOptions.class,
                    ChatMessage.class,
                    ChatMessage.Part.class,
                    Media.class,
                    Reply.class,
                    ToolCall.class,
                    Tool.class,
                    Grammar.class,
                    JsonType.class,
                    QuantizeOptions.class,
                    QuantizeOptions.TensorType.class,
                    Quantizer.class,
                    Quantization.class,
                    Perplexity.class,
                    KlDivergence.class,
                    Gguf.class,
                    ModelFiles.class,
                    ModelKind.class,
                    ModelSummary.class,
                    Weights.class,
                    ResidencyMap.class,
                    Forecaster.class);

    /** Records that only this library makes. */
    private static final Set<Class<?>> RESULTS = Set.of(ModelSummary.class, KlDivergence.class);

    private final List<String> wrong = new ArrayList<>();
    private int calls;

    @Test
    void theParameterIsNamed() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD);
                Embedder embedder = model.newEmbedder(EmbeddingOptions.defaults())) {
            List<Object> values = new ArrayList<>(VALUES);
            ModelFiles files = ModelFiles.read(DemoModel.PATH);
            Forecaster forecaster = new Forecaster(files);
            Perplexity perplexity = new Perplexity(1, 1, 1, 1, 1);
            values.addAll(
                    List.of(
                            model,
                            session,
                            embedder,
                            model.tokenizer(),
                            new Chat(session),
                            files,
                            files.first(),
                            ModelSummary.of(files),
                            Weights.of(files),
                            Weights.of(files).all().getFirst(),
                            new ResidencyMap(List.of())));
            values.addAll(
                    List.of(
                            forecaster,
                            forecaster.forecast(
                                    1L << 32, SessionOptions.defaults(), Bandwidths.of(1e9, 1e9)),
                            perplexity,
                            new KlDivergence(perplexity, perplexity, 1, 1, 1, 1, 1, 1, 1),
                            Quantizer.of(
                                    DemoModel.PATH,
                                    Quantization.Q8_0,
                                    QuantizeOptions.defaults().withAllowRequantize(true))));
            for (Class<?> type : TYPES) {
                if (!RESULTS.contains(type)) {
                    for (Constructor<?> constructor : type.getConstructors()) {
                        tryNulls(values, null, constructor, type);
                    }
                }
                for (Method method : type.getMethods()) {
                    boolean isStatic = Modifier.isStatic(method.getModifiers());
                    if (method.getDeclaringClass() == type
                            && !method.getName().matches("equals|valueOf")) {
                        tryNulls(values, isStatic ? null : value(values, type), method, type);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(calls).isGreaterThan(100);
    }

    private void tryNulls(List<Object> values, Object target, Executable call, Class<?> type)
            throws ReflectiveOperationException {
        Class<?>[] types = call.getParameterTypes();
        for (int i = 0; i < types.length; i++) {
            if (types[i].isPrimitive()
                    || call.getAnnotatedParameterTypes()[i].isAnnotationPresent(Nullable.class)) {
                continue;
            }
            expectName(values, target, call, type, i, null, name(call, type, i));
            if (call.isVarArgs() && i == types.length - 1) {
                Object array = Array.newInstance(types[i].getComponentType(), 1);
                if (!types[i].getComponentType().isPrimitive()) {
                    expectName(values, target, call, type, i, array, "[a-z]\\w*");
                }
            }
        }
    }

    /**
     * Calls with this as a parameter.
     *
     * @param given null, or an array of a null
     * @param name what the message must be
     */
    private void expectName(
            List<Object> values,
            Object target,
            Executable call,
            Class<?> type,
            int i,
            @Nullable Object given,
            String name)
            throws ReflectiveOperationException {
        Class<?>[] types = call.getParameterTypes();
        Object[] arguments =
                Arrays.stream(types).map(each -> value(values, each)).toArray(Object[]::new);
        arguments[i] = given;
        String message = messageOf(target, call, arguments);
        calls++;
        if (!message.matches(name)) {
            wrong.add(
                    String.format(
                            Locale.ROOT,
                            "%s.%s(%s), parameter %d: %s",
                            type.getSimpleName(),
                            call.getName().replaceFirst(".*\\.", ""),
                            String.join(
                                    ",", Arrays.stream(types).map(Class::getSimpleName).toList()),
                            i,
                            message));
        }
    }

    /** The expected name: a component of a record where it is known, else one word. */
    private static String name(Executable call, Class<?> type, int i) {
        if (call instanceof Constructor<?> && type.isRecord()) {
            RecordComponent[] components = type.getRecordComponents();
            Object[] types = Arrays.stream(components).map(RecordComponent::getType).toArray();
            if (Arrays.equals(types, call.getParameterTypes())) {
                return components[i].getName();
            }
        }
        String name = call.getName();
        if (name.matches("with.+") && call.getParameterCount() == 1 && type.isRecord()) {
            return Character.toLowerCase(name.charAt(4)) + name.substring(5);
        }
        return "[a-z]\\w*";
    }

    private static String messageOf(Object target, Executable call, Object[] arguments)
            throws ReflectiveOperationException {
        try {
            if (call instanceof Constructor<?> constructor) {
                constructor.newInstance(arguments);
            } else {
                ((Method) call).invoke(target, arguments);
            }
            return "is taken";
        } catch (InvocationTargetException e) {
            Throwable cause = e.getCause();
            return cause instanceof NullPointerException
                    ? String.valueOf(cause.getMessage())
                    : cause.toString();
        }
    }

    private static Object value(List<Object> values, Class<?> type) {
        for (Object value : values) {
            if (type.isInstance(value) && type != Object.class) {
                return value;
            }
        }
        if (type.isEnum()) {
            return type.getEnumConstants()[0];
        }
        if (type.isArray()) {
            return Array.newInstance(type.getComponentType(), 0);
        }
        if (type == Class.class) {
            return City.class;
        }
        if (type == TypeReference.class) {
            return new TypeReference<City>() {};
        }
        if (type == ObjectMapper.class) {
            return new JsonMapper();
        }
        List<Object> plain =
                List.of(
                        1,
                        1L,
                        1f,
                        false,
                        "name",
                        Path.of("none"),
                        Duration.ofSeconds(1),
                        Optional.empty(),
                        OptionalLong.empty(),
                        List.of(),
                        Map.of(),
                        Set.of());
        for (Object value : plain) {
            if (type.isInstance(value)) {
                return value;
            }
        }
        if (type.isPrimitive()) {
            return switch (type.getName()) {
                case "int" -> 1;
                case "long" -> 1L << 20;
                case "float" -> 1f;
                case "double" -> 1d;
                case "boolean" -> false;
                default -> throw new IllegalArgumentException(type.getName());
            };
        }
        assertThat(type.isInterface()).as(type.getName()).isTrue();
        return Proxy.newProxyInstance(
                Objects.requireNonNullElse(
                        type.getClassLoader(), ClassLoader.getSystemClassLoader()),
                new Class<?>[] {type},
                (proxy, method, given) -> null);
    }
}
