package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The JSON of commands, which scripts rely on. */
class JsonOutputTest {
    private record Inner(int top1, double bestTop1, Optional<Double> std) {}

    private record Result(String inputSize, List<Inner> runs, Map<String, Object> byName, Optional<String> failure) {}

    @Test
    void recordsArePrintedInOrderAndInSnakeCase() {
        var result = new Result(
                "3×224", List.of(new Inner(1, 0.5, Optional.of(0.25))), Map.of("keepsItsName", 2), Optional.of("why"));
        assertThat(JsonOutput.line(result))
                .isEqualTo("{\"input_size\":\"3×224\",\"runs\":[{\"top1\":1,\"best_top1\":0.5,\"std\":0.25}],"
                        + "\"by_name\":{\"keepsItsName\":2},\"failure\":\"why\"}");
    }

    @Test
    void emptyOptionalsAreLeftOut() {
        var result = new Result("", List.of(new Inner(1, 0, Optional.empty())), Map.of(), Optional.empty());
        assertThat(JsonOutput.line(result))
                .isEqualTo("{\"input_size\":\"\",\"runs\":[{\"top1\":1,\"best_top1\":0.0}],\"by_name\":{}}");
    }
}
