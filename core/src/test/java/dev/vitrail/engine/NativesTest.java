package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NativesTest {
    @ParameterizedTest
    @ValueSource(strings = {"25", "25.0.1+8-LTS", "25.0.2"})
    void refusesTheBuildsOfJavaThatCorruptArrays(String version) {
        var java = Runtime.Version.parse(version);
        assertThatThrownBy(() -> Natives.requireSoundCollector(java, () -> true))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("Java " + version)
                .hasMessageContaining("25.0.3")
                .hasMessageContaining("-XX:+UseSerialGC");
        assertThatCode(() -> Natives.requireSoundCollector(java, () -> false)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"17.0.15+6", "21.0.2", "24.0.1", "25.0.3+9-LTS", "25.1", "26"})
    void takesAllOthers(String version) {
        assertThatCode(() -> Natives.requireSoundCollector(Runtime.Version.parse(version), () -> true))
                .doesNotThrowAnyException();
    }
}
