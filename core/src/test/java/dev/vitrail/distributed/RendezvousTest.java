package dev.vitrail.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RendezvousTest {
    private static final Rendezvous PLACE = new Rendezvous("node-a", 29500, 3, 8, 1);

    private static Map<String, String> with(String name, String value) {
        var variables = new HashMap<>(PLACE.toEnvironment());
        variables.put(name, value);
        return variables;
    }

    @Test
    void theVariablesOfTorchrunSayWhereProcessesMeet() {
        assertThat(Rendezvous.of(PLACE.toEnvironment())).contains(PLACE);
        var served = with("TORCHELASTIC_USE_AGENT_STORE", "True");
        served.put("TORCHELASTIC_RESTART_COUNT", "2");
        assertThat(Rendezvous.of(served)).contains(new Rendezvous("node-a", 29500, 3, 8, 1, Optional.of("2")));
        assertThat(Rendezvous.of(Map.of("MASTER_ADDR", "node-a"))).isEmpty();
    }

    @Test
    void missingAndWrongVariablesAreNamed() {
        assertThatThrownBy(() -> Rendezvous.of(Map.of("RANK", "0", "WORLD_SIZE", "2", "MASTER_ADDR", "node-a")))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("MASTER_PORT and LOCAL_RANK are not set");
        assertThatThrownBy(() -> Rendezvous.of(with("RANK", "first")))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("RANK is 'first': expected a whole number");
        assertThatThrownBy(() -> Rendezvous.of(with("RANK", "8")))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("rank 8 is outside of a world of 8 processes");
        assertThatThrownBy(() -> Rendezvous.of(with("LOCAL_RANK", "9"))).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> Rendezvous.of(with("MASTER_PORT", "70000")))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("between 1 and 65535, found 70000");
    }
}
