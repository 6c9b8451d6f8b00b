package io.github.bigllama.internal.types;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.Version;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.introspect.NopAnnotationIntrospector;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.jsontype.TypeResolverBuilder;
import com.fasterxml.jackson.databind.jsontype.impl.StdTypeResolverBuilder;
import java.util.ArrayList;
import java.util.List;

/** Tells Jackson that a sealed type has the subtypes that it permits, named by {@code @type}. */
public final class SealedTypes extends NopAnnotationIntrospector {
    private static final long serialVersionUID = 1;

    @Override
    public Version version() {
        return Version.unknownVersion();
    }

    @Override
    public TypeResolverBuilder<?> findTypeResolver(
            MapperConfig<?> config, AnnotatedClass type, JavaType baseType) {
        return isChoice(type.getRawType())
                ? new StdTypeResolverBuilder()
                        .init(JsonTypeInfo.Id.SIMPLE_NAME, null)
                        .inclusion(JsonTypeInfo.As.PROPERTY)
                        .typeProperty("@type")
                : null;
    }

    @Override
    public List<NamedType> findSubtypes(Annotated type) {
        return isChoice(type.getRawType()) ? permitted(type.getRawType()) : null;
    }

    /** Enums whose constants have bodies are sealed too, and so are some classes of the JDK. */
    private static boolean isChoice(Class<?> type) {
        return type.isSealed() && !type.isEnum() && !type.getName().startsWith("java.");
    }

    private static List<NamedType> permitted(Class<?> type) {
        List<NamedType> all = new ArrayList<>();
        for (Class<?> subtype : type.getPermittedSubclasses()) {
            if (subtype.isSealed()) {
                all.addAll(permitted(subtype));
            } else {
                all.add(new NamedType(subtype));
            }
        }
        return all;
    }
}
