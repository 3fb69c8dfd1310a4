package dev.vitrail.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.report.StudyRow.Result;
import dev.vitrail.report.StudyRow.State;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.xml.sax.InputSource;

/** Means, tables and plots of a study. */
class StudyResultsTest {
    private static StudyRow row(String model, int images, long seed, double top1) {
        return new StudyRow(
                model,
                "r",
                images / 100.0,
                images,
                seed,
                Path.of(model + images + seed),
                State.FINISHED,
                Optional.of(new Result(
                        top1, top1 + 0.01, 0.5, 1_000_000, 70_000_000, 60 + images, 300, List.of(0.1, top1))),
                "");
    }

    private static StudyRow failed(String model, int images, long seed) {
        return new StudyRow(
                model,
                "r",
                1,
                images,
                seed,
                Path.of("f"),
                State.FAILED,
                Optional.empty(),
                "the loss, it \"became\" NaN");
    }

    private static StudyResults results(StudyRow... rows) {
        return new StudyResults("s", "A study", "", List.of("data"), "models: [a]", Optional.empty(), List.of(rows));
    }

    @Test
    void meansAndDeviationsAreOverTheSeedsThatHaveFinished() {
        var results = results(
                row("a", 10, 0, 0.5),
                row("a", 100, 0, 0.8),
                row("a", 10, 1, 0.7),
                row("a", 100, 1, 0.9),
                failed("a", 100, 2));
        var line = results.lines().get(0);
        assertThat(results.sizes()).containsExactly(10, 100);
        assertThat(line.on(10).orElseThrow().mean()).isCloseTo(0.6, within(1e-12));
        assertThat(line.on(10).orElseThrow().std().orElseThrow()).isCloseTo(Math.sqrt(0.02), within(1e-12));
        assertThat(line.on(100).orElseThrow().text()).isEqualTo("85.00 ± 7.07");
        assertThat(line.seconds()).isEqualTo(160);
        assertThat(line.curve().get(1)).isCloseTo(0.85, within(1e-12));
        assertThat(results(row("a", 10, 0, 0.5))
                        .lines()
                        .get(0)
                        .on(10)
                        .orElseThrow()
                        .text())
                .isEqualTo("50.00");
    }

    @Test
    void theTableHasARowForEachRunAndQuotesWhatNeedsIt() {
        assertThat(results(row("a", 10, 0, 0.5), failed("b", 10, 0))
                        .csv()
                        .lines()
                        .skip(1))
                .containsExactly(
                        "a,r,0.1,10,0,finished,2,0.5,0.51,0.5,1000000,70000000,70.000,300.00,a100,",
                        "b,r,1.0,10,0,failed,,,,,,,,,f,\"the loss, it \"\"became\"\" NaN\"");
    }

    /** Ten models, so that colours come round, and two sizes. */
    @Test
    void plotsAreWellFormedAndStayInsideTheirFrame() throws Exception {
        var rows = Stream.iterate(0, i -> i + 1)
                .limit(10)
                .flatMap(i -> Stream.of(10, 100).map(n -> row("model_" + i, n, 0, 0.5 + 0.04 * i)))
                .toArray(StudyRow[]::new);
        var html = StudyPage.html(results(rows));
        var svgs = Pattern.compile("<svg viewBox=.*?</svg>", Pattern.DOTALL)
                .matcher(html)
                .results()
                .map(MatchResult::group)
                .filter(svg -> svg.contains("class=\"mark\""))
                .toList();
        assertThat(svgs).hasSize(4);
        for (var svg : svgs) {
            var texts = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new InputSource(new StringReader(svg)))
                    .getElementsByTagName("text");
            for (int i = 0; i < texts.getLength(); i++) {
                var place = texts.item(i).getAttributes();
                assertThat(Double.parseDouble(place.getNamedItem("x").getNodeValue()))
                        .isBetween(0.0, 520.0);
                assertThat(Double.parseDouble(place.getNamedItem("y").getNodeValue()))
                        .isBetween(0.0, 300.0);
            }
        }
        assertThat(svgs.get(1)).contains(">model_9</text>");
    }

    @Test
    void theWinnerIsComparedWithTheBaselineThatTheStudyNames() {
        var rows = List.of(row("a", 100, 0, 0.5), row("b", 100, 0, 0.9), row("c", 100, 0, 0.7));
        assertThat(compared(rows, Optional.empty())).isEqualTo("b with a: the first other one that the study names");
        assertThat(compared(rows, Optional.of("c"))).isEqualTo("b with c: the study's baseline");
        assertThat(compared(rows, Optional.of("b")))
                .isEqualTo("b with c: the best of the others, as the study's baseline itself has won");
        assertThat(compared(rows.subList(1, 2), Optional.of("b"))).isEmpty();
    }

    private static String compared(List<StudyRow> rows, Optional<String> baseline) {
        return StudyComparison.of(new StudyResults("s", "A study", "", List.of("data"), "models: [a]", baseline, rows))
                .map(found -> "%s with %s: %s"
                        .formatted(found.winner().model(), found.baseline().model(), found.choice()))
                .orElse("");
    }
}
