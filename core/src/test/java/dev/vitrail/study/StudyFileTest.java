package dev.vitrail.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.TrainingOptions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

/** Studies as YAML. */
class StudyFileTest {
    static final List<String> SHIPPED = StudyFile.SHIPPED;

    private static Study parse(String yaml, String scale) {
        return StudyFile.parse("mine", yaml, "mine.yaml", Optional.of(scale).filter(name -> !name.isEmpty()));
    }

    @ParameterizedTest
    @FieldSource("SHIPPED")
    void shippedStudiesGiveEveryRunOfAScaleAsManyUpdates(String name) {
        for (var scale : List.of("small", "full")) {
            var study = StudyFile.read(name, Optional.of(scale));
            assertThat(study.runs())
                    .hasSize(study.models().size()
                            * study.recipes().size()
                            * study.shares().size()
                            * study.seeds().size());
            assertThat(study.runs().stream()
                            .map(run -> List.of(
                                    run.config().get(TrainingOptions.EPOCHS),
                                    run.config()
                                            .get(TrainingOptions.SAMPLES_PER_EPOCH)
                                            .orElseThrow(),
                                    run.config().get(TrainingOptions.BATCH_SIZE)))
                            .distinct())
                    .hasSize(1);
        }
        assertThat(StudyFile.read(name, Optional.empty())).isEqualTo(StudyFile.read(name, Optional.of("small")));
    }

    @Test
    void aBaselineIsAModelOrARecipeOfTheStudy() {
        var yaml = "models: [resnet_mini_32, vit_mini_patch4_32]\nbaseline: resnet_mini_32\n";
        var study = parse(yaml, "");
        assertThat(study.baseline()).contains("resnet_mini_32");
        assertThat(parse(StudyFile.text(study), "").baseline()).contains("resnet_mini_32");
        assertThat(parse("models: [resnet_mini_32]\nbaseline: quick-look\n", "").baseline())
                .contains("quick-look");
        assertThatThrownBy(() -> parse("models: [resnet_mini_32]\nbaseline: swin_mini_32\n", ""))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("baseline 'swin_mini_32'")
                .hasMessageContaining("resnet_mini_32, quick-look");
    }

    @Test
    void aScaleReplacesKeysAndSingleOptions() {
        var yaml =
                """
                models: [resnet_mini_32]
                seeds: [4]
                options: {epochs: 2, learning_rate: 0.01}
                scales:
                  small: {}
                  large: {seeds: [1, 2], options: {epochs: 7}}
                """;
        assertThat(parse(yaml, "").seeds()).containsExactly(4L);
        var large = parse(yaml, "large");
        assertThat(large.folderName()).isEqualTo("mine-large");
        assertThat(large.runs()).hasSize(2).allSatisfy(run -> {
            assertThat(run.config().get(TrainingOptions.EPOCHS)).isEqualTo(7);
            assertThat(run.config().get(TrainingOptions.LEARNING_RATE)).isEqualTo(0.01);
        });
        assertThat(parse(StudyFile.text(large), "").runs()).isEqualTo(large.runs());
    }

    @Test
    void allOfASeedComesBeforeTheNext() {
        var runs = parse("models: [resnet_mini_32, t2t_mini_32]\nshares: [0.1, 1]\nseeds: [0, 1]", "")
                .runs();
        assertThat(runs.stream().map(StudyRun::seed)).containsExactly(0L, 0L, 0L, 0L, 1L, 1L, 1L, 1L);
        assertThat(runs.get(0).folderName()).isEqualTo("resnet_mini_32.quick-look.share-0.1.seed-0");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    modls: [a]                                  |       | unknown key 'modls'; the nearest are models
                    seeds: [1]                                  |       | does not say 'models'
                    models: resnet_mini_32                      |       | expected a list of text
                    models: []                                  |       | has no models
                    {models: [a], seeds: [1, 1]}                |       | names one of its seeds twice
                    {models: [a], shares: [some]}               |       | expected a list of numbers
                    {models: [a], budget_minutes: 0}            |       | let budget_minutes be positive
                    {models: [a], options: 3}                   |       | expected training options
                    {models: [a], scales: {big: {modls: [b]}}}  |       | mine.yaml, scale big, has an unknown key 'modls'
                    {models: [a], scales: {big: {}}}            | huge  | has no scale 'huge'; it has big
                    {models: [resnet_mini_23]}                  |       | no model 'resnet_mini_23'; the nearest names are resnet_mini_32
                    {models: [resnet_mini_32], shares: [2]}     |       | train_fraction
                    {models: [resnet_mini_32], options: {a: 1}} |       | unknown option 'a'
                    {models: [resnet_mini_32, x/resnet_mini_32]}|       | would share the folder
                    """)
    void saysWhatIsWrong(String yaml, String scale, String sentence) {
        assertThatThrownBy(() -> parse(yaml, scale == null ? "" : scale).runs())
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(sentence);
    }
}
