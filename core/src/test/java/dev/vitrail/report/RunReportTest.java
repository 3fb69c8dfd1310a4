package dev.vitrail.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.DoubleNode;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingLoaders;
import dev.vitrail.train.TrainingLoss;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.train.TrainingPlan;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** A real run of the smallest model on a few images, and what it leaves to look at. */
class RunReportTest {
    private static final String MODEL = "vit_mini_patch4_gap_32";
    private static final TrainAndValidation SETS = new TrainAndValidation(
            new StainedGlass(Split.TRAIN, 64, 0, StainedGlass.Difficulty.STANDARD),
            new StainedGlass(Split.VALIDATION, 48, 0, StainedGlass.Difficulty.STANDARD));

    private static final TrainingConfig CONFIG =
            TrainingConfig.of(MODEL, "built-in", 2).with(TrainingOptions.BATCH_SIZE, 32);

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    static Path folder;

    private static RunFolder run;

    @BeforeAll
    static void train() {
        run = train("first", CONFIG, 2);
    }

    private static RunFolder train(String name, TrainingConfig config, int stop) {
        return train(name, config, Trainer::begin, trainer -> new TrainingListener() {
            @Override
            public void stepped(Step step) {
                if (step.epoch() == stop && step.step() == step.steps()) {
                    trainer.requestStop();
                }
            }
        });
    }

    private interface Start {
        Trainer with(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder);
    }

    /**
     * @param first hears of everything before the run's own listeners
     */
    private static RunFolder train(
            String name, TrainingConfig config, Start start, Function<Trainer, TrainingListener> first) {
        var run = new RunFolder(folder.resolve(name));
        var options = LoadOptions.DEFAULT.withClasses(SETS.train().classes().size());
        try (var loaded = LoadedModel.load(MODEL, options)) {
            var plan = TrainingPlan.resolve(config, SETS, loaded);
            try (var loaders = TrainingLoaders.of(plan, 0, false, broken -> {});
                    var trainer = start.with(plan, TrainingLoss.ofLabels(config), loaders, run);
                    var events = new TensorBoardEvents(run)) {
                trainer.listener(first.apply(trainer)).listener(events).listener(new RunReport(run, SETS, Device.CPU));
                trainer.run();
            }
        }
        return run;
    }

    private static String page() throws Exception {
        return Files.readString(run.path().resolve("index.html"));
    }

    @Test
    void thePageIsOneFileThatNeedsNothing() throws Exception {
        assertThat(page())
                .startsWith("<!doctype html>")
                .contains("best top-1", "Worst mistakes", "Class by class", "data:image/png;base64,")
                .doesNotContain("http:", "https:", "<link", "src=\"/", "NaN", "http-equiv=\"refresh\"");
        assertThat(page()).contains("2 epochs").contains(MODEL).contains("weight_decay");
        assertThat(page().length()).isLessThan(400_000);
    }

    /** As if the process were killed when the last epoch's rows are written, and the report is not. */
    @Test
    void aReportThatWasCutShortIsWrittenWhenTheRunGoesOn() throws Exception {
        var killed = new Error("killed"); // as no exception of a listener ends a run
        assertThatThrownBy(() -> train("killed", CONFIG, Trainer::begin, trainer -> new TrainingListener() {
                    @Override
                    public void epochEnded(EpochSummary summary, Evaluation found, boolean best) {
                        if (summary.epoch() == 2) {
                            throw killed;
                        }
                    }
                }))
                .isSameAs(killed);
        var left = folder.resolve("killed/last/.model.safetensors.0f8fad5b-d9cb-469f-a165-70867728950e.tmp");
        Files.writeString(left, "half");
        var resumed = train("killed", CONFIG, Trainer::resume, trainer -> new TrainingListener() {});
        assertThat(Files.readString(resumed.path().resolve("index.html"))).contains("data-epochs=\"2\"");
        assertThat(SavedEvaluation.read(resumed.path().resolve("evaluation.json"))
                        .epoch())
                .isEqualTo(RunRecord.read(resumed.path()).best().epoch());
        assertThat(left).doesNotExist();
    }

    @Test
    void everyMistakeIsShownWithItsImage() throws Exception {
        var saved = SavedEvaluation.read(run.path().resolve("evaluation.json"));
        int wrong = (int) (saved.evaluation().images() - saved.evaluation().correct1());
        assertThat(saved.evaluation().mistakes()).hasSize(Math.min(24, wrong));
        assertThat(Pattern.compile("<img").matcher(page()).results().count())
                .as("a thumbnail and a map each")
                .isEqualTo(2L * Math.min(24, wrong));
        for (var mistake : saved.evaluation().mistakes()) {
            assertThat(page()).contains("alt=\"relevance for " + saved.classes().get(mistake.prediction()) + ": ");
        }
    }

    @Test
    void explainingMistakesDrawsNoRandomNumbersOfTheRun() {
        var saved = SavedEvaluation.read(run.path().resolve("evaluation.json"));
        var before = RandomState.save();
        var found = MistakeMaps.of(
                run.best(), Device.CPU, SETS.validation(), saved.evaluation().mistakes());
        assertThat(found).hasSameSizeAs(saved.evaluation().mistakes());
        assertThat(RandomState.save()).isEqualTo(before);
    }

    @Test
    void theCurvesHaveAPointForEachEpoch() throws Exception {
        var svg = Pattern.compile("<svg viewBox=[^>]*data-epochs=\"2\">.*?</svg>", Pattern.DOTALL)
                .matcher(page())
                .results()
                .map(match -> match.group())
                .toList();
        assertThat(svg).hasSize(4);
        assertThat(svg.get(0).split("<circle", -1)).hasSize(5); // two curves of two points
    }

    @Test
    void theEvaluationIsReadAsItWasWritten() throws Exception {
        var file = run.path().resolve("evaluation.json");
        var saved = SavedEvaluation.read(file);
        assertThat(saved.evaluation().images()).isEqualTo(48);
        assertThat(saved.classes()).isEqualTo(SETS.validation().classes());
        assertThat(saved.evaluation().confusion().scores().stream()
                        .mapToLong(score -> score.images())
                        .sum())
                .isEqualTo(48);
        var copy = folder.resolve("copy.json");
        saved.write(copy);
        assertThat(copy).hasSameTextualContentAs(file);
        Files.writeString(copy, "{\"epoch\": 1}");
        assertThatThrownBy(() -> SavedEvaluation.read(copy))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("holds no evaluation of a run");
        assertThat(new ObjectMapper()
                        .readTree(file.toFile())
                        .get("classes")
                        .get(0)
                        .get("name")
                        .asText())
                .isEqualTo(SETS.validation().classes().get(0));
    }

    @Test
    void theImageShowsThreeCharts() throws Exception {
        var image = ImageIO.read(run.path().resolve("curves.png").toFile());
        assertThat(image.getWidth()).isEqualTo(3 * 640);
        assertThat(image.getHeight()).isEqualTo(420);
        assertThat(IntStream.range(0, 1920 * 420)
                        .map(i -> image.getRGB(i % 1920, i / 1920) & 0xFFFFFF)
                        .filter(color -> color == 0x0072b2)
                        .count())
                .isGreaterThan(100);
    }

    @Test
    void runsAreCompared() throws Exception {
        var other = train("other", CONFIG.with(TrainingOptions.LEARNING_RATE, 3e-3), 1);
        var comparison = RunComparison.of(List.of(run.path(), other.path()));
        assertThat(comparison.names()).containsExactly("first", "other");
        assertThat(comparison.differences()).containsOnlyKeys("learning_rate");
        assertThat(comparison.differences().get("learning_rate")).element(1).isEqualTo(DoubleNode.valueOf(0.003));
        assertThat(comparison.runs().get(0).finished()).isTrue();
        assertThat(comparison.runs().get(1).finished()).isFalse();
        try (var loaded = LoadedModel.load(
                MODEL, LoadOptions.DEFAULT.withClasses(SETS.train().classes().size()))) {
            assertThat(comparison.runs().get(0).parameters())
                    .isEqualTo(loaded.model().parameterCount());
        }
        assertThat(comparison.html()).contains("first", "other", "learning_rate", "1 of 2");
    }

    @Test
    void aFolderThatIsNoRunIsNamed() {
        assertThatThrownBy(() -> RunComparison.of(List.of(run.path(), folder)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(folder + " is no run: expected a folder with config.yaml and summary.csv");
        var begun = new RunFolder(folder.resolve("begun"));
        TrainingConfigFile.write(begun.config(), TrainingConfig.of(MODEL, "built-in", 2));
        assertThatThrownBy(() -> RunRecord.read(begun.path()))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("has not ended an epoch yet");
    }

    @Test
    void textOfUsersIsNoMarkup() {
        var curve = new LineChart.Curve("<b>\"Tom & 'Jerry'\"", List.of(1.0));
        assertThat(new LineChart("</svg>", List.of(curve, curve), Format::plain).svg())
                .contains(
                        "</i>&lt;b&gt;\"Tom &amp; 'Jerry'\"</span>",
                        "data-name=\"&lt;b>&#34;Tom &amp; &#39;Jerry&#39;&#34;\"")
                .contains("<b>&lt;/svg&gt;</b>")
                .containsOnlyOnce("</svg>");
    }

    @Test
    void chartsSurviveWhateverValuesThereAre() throws Exception {
        for (var values : List.of(
                List.of(Double.NaN, 1.0, Double.POSITIVE_INFINITY, 2.0),
                List.of(0.0),
                List.of(5.0, 5.0),
                List.<Double>of(),
                List.of(-3e-9, 4e12))) {
            var svg = new LineChart("x", List.of(new LineChart.Curve("a & b", values)), Format::plain).svg();
            assertThat(svg).doesNotContain("NaN", "Infinity");
            DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
        }
    }

    @Test
    void numbersAreWrittenShort() {
        assertThat(Format.plain(0.25)).isEqualTo("0.25");
        assertThat(Format.plain(100)).isEqualTo("100");
        assertThat(Format.plain(0)).isEqualTo("0");
        assertThat(Format.scientific(1e-3)).isEqualTo("1e-3");
        assertThat(Format.scientific(9.05e-4)).isEqualTo("9.05e-4");
        assertThat(Format.duration(59.7)).isEqualTo("1 min 00 s");
        assertThat(Format.duration(3 * 3600 + 125)).isEqualTo("3 h 02 min");
    }
}
