package io.github.bigllama.core.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ResourceLock(Resources.LOCALE)
class SplitNameTest {
    private final Locale before = Locale.getDefault();

    @AfterEach
    void restore() {
        Locale.setDefault(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ar-EG-u-nu-arab", "fa-IR", "ne-NP", "th-TH-u-nu-thai", "de-DE"})
    void namesHaveTheSameDigitsInEveryLanguage(String language) {
        Locale.setDefault(Locale.forLanguageTag(language));
        assertThat(SplitName.of("a-00002-of-00012.gguf", 1, 12))
                .hasValueSatisfying(
                        name -> assertThat(name.part(11)).isEqualTo("a-00012-of-00012.gguf"));
    }
}
