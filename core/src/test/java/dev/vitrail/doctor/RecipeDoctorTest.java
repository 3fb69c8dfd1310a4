package dev.vitrail.doctor;

import static dev.vitrail.doctor.Diagnosis.Severity.REFUSE;
import static dev.vitrail.doctor.Diagnosis.Severity.WARN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.ImageFolder;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.Subset;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.data.TypicalSize;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.train.Recipe;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingPlan;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.assertj.core.api.ListAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RecipeDoctorTest {
    private static final String MINI = "vit_mini_patch4_gap_32";
    private static final TrainAndValidation GLASS = StainedGlass.trainAndValidation();

    private static TrainingConfig config(String model, String yaml) {
        var config = Recipe.get("quick-look").apply(TrainingConfig.of(model, "built-in", 5));
        return yaml.isEmpty() ? config : TrainingConfigFile.with(config, yaml, "the test");
    }

    private static List<Diagnosis> examine(String model, int side, String yaml, TrainAndValidation sets) {
        try (var loaded =
                LoadedModel.load(model, LoadOptions.DEFAULT.withClasses(12).withImage(side, side))) {
            return RecipeDoctor.examine(TrainingPlan.resolve(config(model, yaml), sets, loaded));
        }
    }

    /** What is found about a model whose weights are said to be trained. */
    private static List<Diagnosis> examineTrained(String yaml, TrainAndValidation sets) {
        try (var loaded = trained(LoadedModel.load(MINI, LoadOptions.DEFAULT.withClasses(12)), MINI)) {
            return RecipeDoctor.examine(TrainingPlan.resolve(config(MINI, yaml), sets, loaded));
        }
    }

    /** What is found about options on so many photos, whose images are not read. */
    private static List<Diagnosis> options(TrainingConfig config, boolean trained, int images, int classes) {
        var photos = new Unread(images, classes);
        try (var fresh = LoadedModel.load(MINI, LoadOptions.DEFAULT.withClasses(classes))) {
            var plan = TrainingPlan.resolve(
                    config, new TrainAndValidation(photos, photos), trained ? trained(fresh, MINI) : fresh);
            return OptionChecks.of(plan, new TypicalSize(OptionalInt.of(375)));
        }
    }

    private record Unread(int size, int count) implements Dataset {
        @Override
        public RgbImage image(int index) {
            throw new AssertionError("image %d is not to be read".formatted(index));
        }

        @Override
        public int label(int index) {
            return index % count;
        }

        @Override
        public List<String> classes() {
            return IntStream.range(0, count).mapToObj(Integer::toString).toList();
        }

        @Override
        public String name(int index) {
            return Integer.toString(index);
        }

        @Override
        public String describe() {
            return size + " images";
        }
    }

    private static LoadedModel trained(LoadedModel fresh, String name) {
        return new LoadedModel(
                name, fresh.variant(), fresh.model(), fresh.preprocessing(), fresh.labels(), true, fresh.notes());
    }

    private static ListAssert<String> severe(List<Diagnosis> findings, Diagnosis.Severity severity) {
        return assertThat(findings.stream()
                .filter(finding -> finding.severity() == severity)
                .map(Diagnosis::toString)
                .toList());
    }

    private static Subset part(Dataset set, int... indices) {
        return new Subset(set, indices, "a part");
    }

    /** The first images of each class, as many as {@code counts} says. */
    private static Subset counted(Dataset set, int... counts) {
        int[] left = Arrays.copyOf(counts, set.classes().size());
        return part(
                set,
                IntStream.range(0, set.size())
                        .filter(i -> left[set.label(i)]-- > 0)
                        .toArray());
    }

    @Test
    void aRunThatIsKnownToWorkIsNotRemarkedOn() {
        assertThat(examine(MINI, 32, "", GLASS)).isEmpty();
    }

    // --------------------------------------------------------------------------------------------------------- model

    @Test
    void patchesOfSixteenOnImagesOfThirtyTwoAreRefused() {
        var findings = examine("vit_tiny_patch16_224", 32, "", GLASS);
        severe(findings, REFUSE)
                .singleElement()
                .asString()
                .contains("32 pixels into 2×2 patches of 16 pixels", "vit_mini_patch4_gap_32", "--size 112");
        assertThatThrownBy(() -> RecipeDoctor.requireNoRefusal(findings))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("2×2 patches")
                .hasMessageContaining("--no-doctor");
    }

    @Test
    void fewPatchesAreWarnedOf() {
        severe(examine(MINI, 20, "", GLASS), WARN).singleElement().asString().contains("5×5 patches of 4");
    }

    @Test
    void aLastStageOfOneCellAndACropForPhotosAreWarnedOf() {
        severe(examine("convnext_atto", 32, "", GLASS), WARN)
                .anySatisfy(text -> assertThat(text).contains("last stage of convnext_atto", "single cell"))
                .anySatisfy(text -> assertThat(text).contains("the middle 0.875 of each image", "of 32 pixels"));
    }

    @Test
    void windowsThatDoNotDivideTheGridAreToldWithSizesThatFit() {
        severe(examine("swin_mini_32", 28, "", GLASS), WARN)
                .singleElement()
                .asString()
                .contains("for images of 28×28 pixels", "windows", " 32")
                .endsWith("fit (--size)");
    }

    @Test
    void imagesFarFromTheInputsSizeAreWarnedOf(@TempDir Path folder) throws IOException {
        severe(examine("convnext_atto", 96, "", GLASS), WARN)
                .anySatisfy(text -> assertThat(text).contains("have 32 pixels a side and are enlarged to the 96"));
        var photos = ImageFolder.open(photos(folder, 192, "ants", "bees"));
        var sets = new TrainAndValidation(photos, part(photos, 0));
        severe(examine(MINI, 32, "", sets), WARN)
                .anySatisfy(text -> assertThat(text).contains("have 192 pixels a side and are reduced to the 32"));
    }

    private static Path photos(Path folder, int side, String... classes) throws IOException {
        var random = new Random(1);
        for (var name : classes) {
            for (int i = 0; i < 2; i++) {
                var image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
                image.setRGB(0, 0, random.nextInt(1 << 24));
                Files.createDirectories(folder.resolve(name));
                ImageIO.write(
                        image, "png", folder.resolve(name).resolve(i + ".png").toFile());
            }
        }
        return folder;
    }

    // ---------------------------------------------------------------------------------------------------- statistics

    @Test
    void statisticsThatAreNotTheCheckpointsAreRefused(@TempDir Path folder) throws IOException {
        var name = "vit_tiny_patch16_224";
        Files.writeString(
                folder.resolve("config.json"),
                """
                {"architecture": "vit_tiny_patch16_224", "num_classes": 1000,
                 "pretrained_cfg": {"tag": "augreg_in21k_ft_in1k", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}
                """);
        try (var any = LoadedModel.load(MINI, LoadOptions.DEFAULT)) {
            var variant = Catalog.get(name);
            var input = preprocessing(
                    Pretrained.find(name + ".augreg_in21k_ft_in1k").orElseThrow());
            var right = new LoadedModel(folder.toString(), variant, any.model(), input, List.of(), true, List.of());
            assertThat(Statistics.of(right, false)).isEmpty();
            var wrong = new LoadedModel(
                    folder.toString(),
                    variant,
                    any.model(),
                    Preprocessing.imagenetDefault(224),
                    List.of(),
                    true,
                    List.of());
            severe(Statistics.of(wrong, false), REFUSE)
                    .singleElement()
                    .asString()
                    .contains("mean [0.485, 0.456, 0.406]", name + ".augreg_in21k_ft_in1k", "[0.5, 0.5, 0.5]");
            severe(Statistics.of(wrong, true), WARN).singleElement().asString().contains("leave out mean and std");
        }
    }

    @Test
    void aBareFileIsWarnedOfWhereWeightsOfItsArchitectureDiffer() {
        var augreg = Pretrained.find("vit_small_patch16_224.augreg_in1k").orElseThrow();
        var deit = Pretrained.find("deit_small_patch16_224.fb_in1k").orElseThrow();
        severe(Statistics.ofBareFile("w.pth", augreg.variant(), preprocessing(augreg)), WARN)
                .singleElement()
                .asString()
                .contains("w.pth does not say", "dino");
        assertThat(Statistics.ofBareFile("w.pth", deit.variant(), preprocessing(deit)))
                .isEmpty();
    }

    private static Preprocessing preprocessing(Pretrained weights) {
        var statistics =
                new Normalization(weights.input().mean(), weights.input().std());
        return Preprocessing.of(224, weights.input().cropShare(), Interpolation.BICUBIC, statistics);
    }

    // ------------------------------------------------------------------------------------------------------- options

    @ParameterizedTest
    @CsvSource({
        "adamw,   0.001, 32,  usual",
        "adamw,   0.01,  32,  high",
        "adamw,   1e-7,  32,  low",
        "adamw,   0.004, 4096, usual",
        "lion,    0.001, 32,  high",
        "lamb,    0.004, 32,  usual",
        "sgd,     0.001, 256, low",
        "sgd,     0.1,   256, usual",
        "sgd,     0.5,   32,  high",
    })
    void aLearningRateOutOfRangeForItsBatchIsWarnedOf(String optimizer, double rate, int batch, String verdict) {
        var yaml = "optimizer: %s\nlearning_rate: %s\nbatch_size: %d\nepochs: 500".formatted(optimizer, rate, batch);
        var found = severe(examine(MINI, 32, yaml, GLASS), WARN);
        if (verdict.equals("usual")) {
            found.isEmpty();
        } else {
            found.singleElement()
                    .asString()
                    .contains("is %s for %s with".formatted(verdict, optimizer), "images in a step");
        }
    }

    @Test
    void trainedLayersBearLowerRatesThanANewClassifier() {
        severe(examineTrained("learning_rate: 0.003\nbatch_size: 32", GLASS), WARN)
                .singleElement()
                .asString()
                .contains("high", "from trained weights");
        severe(examineTrained("learning_rate: 0.003\nbatch_size: 4\nfreeze_backbone: true", GLASS), WARN)
                .isEmpty();
    }

    @Test
    void theRecipesOfTheLibraryAreNotRemarkedOn() {
        for (var recipe : Recipe.shipped()) {
            boolean trained = recipe.name().matches("fine-tune|classifier-only|vit-transfer.*");
            var config = recipe.apply(TrainingConfig.of(MINI, "photos", 5));
            assertThat(options(config, trained, 1_281_167, 1000))
                    .as(recipe.name())
                    .isEmpty();
        }
    }

    @Test
    void optionsForTrainedWeightsDoNotSuitRandomOnes() {
        severe(examine(MINI, 32, "freeze_backbone: true", GLASS), REFUSE)
                .singleElement()
                .asString()
                .contains("only the classifier", "random", "--no-freeze");
        severe(examine(MINI, 32, "layer_decay: 0.75", GLASS), WARN)
                .singleElement()
                .asString()
                .contains("layer decay of 0.75");
        assertThat(examineTrained("layer_decay: 0.75\nlearning_rate: 0.0005", GLASS))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fine-tune", "classifier-only", "vit-transfer", "vit-transfer-small-data"})
    void recipesForTrainedWeightsAreRefusedFromScratch(String name) {
        var config = Recipe.get(name).apply(TrainingConfig.of(MINI, "photos", 5));
        severe(options(config, false, 50_000, 10), REFUSE)
                .singleElement()
                .asString()
                .contains("random", "--model NAME.TAG");
        severe(options(config, true, 50_000, 10), REFUSE).isEmpty();
        // What comes before such a run starts from whatever there is.
        severe(options(config.pretraining(5), false, 50_000, 10), REFUSE).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "deit3, label_smoothing: 0.1,                             a yes",
        "deit3, 'label_smoothing: 0.1\ntarget_threshold: 0.009',  a yes",
        "deit3, 'label_smoothing: 0.1\ntarget_threshold: 0.95',   a no",
        "deit3, 'label_smoothing: 0.1\ntarget_threshold: 0.2',    ''",
        "deit3, 'label_smoothing: 0.1\ntarget_threshold: null',   ''",
        "deit3, label_smoothing: 0,                               ''",
        "deit,  'label_smoothing: 0.1\ntarget_threshold: 0',      ''",
    })
    void aThresholdThatSmoothedLabelsAreAllAboveOrBelowIsRefused(String recipe, String yaml, String all) {
        var config = TrainingConfigFile.with(
                Recipe.get(recipe).apply(TrainingConfig.of(MINI, "photos", 5)), yaml.replace("\\n", "\n"), "the test");
        var refused = severe(options(config, false, 50_000, 10), REFUSE);
        if (all.isEmpty()) {
            refused.isEmpty();
        } else {
            refused.singleElement()
                    .asString()
                    .contains(
                            "smoothed by 0.1 is 0.910 for its own class and 0.0100 for each other of 10",
                            all + " for all");
        }
    }

    @Test
    void tooFewStepsAreWarnedOf() {
        severe(examine(MINI, 32, "epochs: 1\nwarmup_epochs: 0", GLASS), WARN)
                .singleElement()
                .asString()
                .contains("1 epoch over 8,400 images make 262 steps");
    }

    @Test
    void aRunningMeanThatIsStillTheFirstWeightsIsWarnedOf() {
        severe(examine(MINI, 32, "ema_decay: 0.9999\nema_warmup: false", GLASS), WARN)
                .singleElement()
                .asString()
                .contains("after 1,048 steps", "by 90 %");
        assertThat(examine(MINI, 32, "ema_decay: 0.9999", GLASS)).isEmpty();
    }

    @Test
    void cropsOfPhotosOnSmallImagesAreWarnedOf() {
        severe(examine(MINI, 32, "crop: resized\ncrop_scale: [0.08, 1]", GLASS), WARN)
                .singleElement()
                .asString()
                .contains("8 % of an image of 32 pixels a side: about 9×9 pixels");
    }

    // ---------------------------------------------------------------------------------------------------------- data

    @Test
    void classesWithoutImagesOrWithOneAreNamed() {
        var train = counted(GLASS.train(), 1, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 0);
        var findings = examine(MINI, 32, "", new TrainAndValidation(train, GLASS.validation()));
        var classes = GLASS.train().classes();
        severe(findings, WARN)
                .anySatisfy(text -> assertThat(text).contains("no images to train on of '" + classes.get(11) + "'"))
                .anySatisfy(text -> assertThat(text).contains("one image to train on of '" + classes.get(0) + "'"))
                .anySatisfy(text -> assertThat(text).contains("has 20 images and the smallest 1", "class_weights"))
                .anySatisfy(text -> assertThat(text).contains("201 images are few"));
    }

    @Test
    void weighedClassesMayBeUneven() {
        var train = counted(GLASS.train(), 470, 470, 470, 470, 470, 470, 470, 470, 470, 470, 470, 20);
        var sets = new TrainAndValidation(train, GLASS.validation());
        severe(examine(MINI, 32, "epochs: 8", sets), WARN)
                .singleElement()
                .asString()
                .contains("470 images and the smallest 20");
        assertThat(examine(MINI, 32, "epochs: 8\nclass_balanced_sampling: true", sets))
                .isEmpty();
        assertThat(examine(MINI, 32, "epochs: 8\nclass_weights: effective_number", sets))
                .isEmpty();
    }

    @Test
    void fewImagesForAllLayersOrToJudgeByAreWarnedOf() {
        var train = counted(GLASS.train(), 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10);
        var sets = new TrainAndValidation(train, part(GLASS.validation(), 0, 1, 2, 3));
        severe(examineTrained("learning_rate: 0.0005", sets), WARN)
                .satisfiesExactly(
                        all -> assertThat(all).contains("120 images, fewer than the 500", "--freeze"),
                        judged -> assertThat(judged).contains("measured on 4 images", "25.0 points"));
        severe(examineTrained("freeze_backbone: true", sets), WARN).hasSize(1);
    }

    @Test
    void validationImagesThatAreTrainedOnAreRefusedOrIfFewWarnedOf() {
        var train = part(GLASS.train(), IntStream.range(0, 5100).toArray());
        var copies = part(GLASS.train(), IntStream.range(5080, 5180).toArray());
        severe(examine(MINI, 32, "epochs: 10", new TrainAndValidation(train, copies)), REFUSE)
                .singleElement()
                .asString()
                .contains("20 of 100 validation images", "05080");
        var fewer = part(GLASS.train(), IntStream.range(5099, 5199).toArray());
        severe(examine(MINI, 32, "epochs: 10", new TrainAndValidation(train, fewer)), WARN)
                .singleElement()
                .asString()
                .contains("1 of 100 validation images");
    }

    /** Grey of sixteen bits in two classes, as plain PGM. */
    private static TrainAndValidation sixteenBits(Path folder, int lowest, int highest) throws IOException {
        for (var name : List.of("left", "right")) {
            Files.createDirectories(folder.resolve(name));
            for (int i = 0; i < 10; i++) {
                var text = new StringBuilder("P2 32 32 65535\n");
                for (int pixel = 0; pixel < 32 * 32; pixel++) {
                    text.append(lowest + (pixel * (i + 1)) % (highest - lowest)).append('\n');
                }
                Files.writeString(folder.resolve(name).resolve(i + ".pgm"), text);
            }
        }
        var set = ImageFolder.open(folder);
        return new TrainAndValidation(set, set);
    }

    @Test
    void imagesThatWereCutToWhiteAreRefused(@TempDir Path folder) throws IOException {
        assertThat(examine(MINI, 32, "", sixteenBits(folder, 300, 3000)))
                .filteredOn(finding -> finding.severity() == REFUSE)
                .extracting(Diagnosis::toString)
                .anySatisfy(text -> assertThat(text)
                        .contains("all of 16 images", "one level alone", "cut to white", "--sixteen-bit range"));
    }

    @Test
    void imagesThatWereCutInPartAreToldOf(@TempDir Path folder) throws IOException {
        assertThat(examine(MINI, 32, "", sixteenBits(folder, 10, 600)))
                .filteredOn(finding -> finding.severity() == WARN)
                .extracting(Diagnosis::toString)
                .anySatisfy(text -> assertThat(text).contains("of 16 images", "sixteen bits", "--sixteen-bit scale"));
    }
}
