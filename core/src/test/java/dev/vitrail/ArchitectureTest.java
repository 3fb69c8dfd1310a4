package dev.vitrail;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Which package may see which. */
@AnalyzeClasses(packages = "dev.vitrail", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
    /** The root package: the few types that a user begins with. */
    private static final String FRONT_DOOR = "dev.vitrail";

    /** What everything may see, and what sees nothing of ours. */
    @ArchTest
    static final ArchRule ERRORS = sees("errors");

    @ArchTest
    static final ArchRule ENGINE = sees("engine");

    /** Files that are whole or not there. */
    @ArchTest
    static final ArchRule FILES = sees("files");

    /** How processes meet and add up tensors knows nothing of models or training. */
    @ArchTest
    static final ArchRule DISTRIBUTED = sees("distributed", "engine");

    /** What is the same in one process and in many is computed without knowing of processes. */
    @ArchTest
    static final ArchRule ONLY_TRAINING_KNOWS_OF_PROCESSES = noClasses()
            .that()
            .resideInAnyPackage(of("engine", "nn", "models", "weights", "images", "data", "loading", "eval", "inspect"))
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.vitrail.distributed..");

    @ArchTest
    static final ArchRule NN = sees("nn", "engine");

    @ArchTest
    static final ArchRule MODELS = sees("models", "engine", "nn");

    /** What all families share sees none of them. */
    @ArchTest
    static final ArchRule MODELS_SEE_NO_FAMILY = modelsSee("models");

    @ArchTest
    static final ArchRule LAYERS_SEE_NO_FAMILY = modelsSee("models.layers", "models");

    /** A family is read in its own package: it sees what all share, and never another family or the zoo. */
    @ArchTest
    static void familiesStandAlone(JavaClasses classes) {
        var others = Set.of("layers", "deit", "hybrid", "zoo");
        var families = classes.stream()
                .map(JavaClass::getPackageName)
                .filter(name -> name.startsWith("dev.vitrail.models."))
                .map(name -> name.substring("dev.vitrail.models.".length()))
                .filter(name -> !others.contains(name))
                .collect(Collectors.toSet());
        assertThat(families).contains("vit", "swin", "cait", "t2t", "convnext", "resnet", "beit", "mixer", "compact");
        for (var family : families) {
            modelsSee("models." + family, "models", "models.layers").check(classes);
        }
    }

    /** A DeiT is a ViT with other options. */
    @ArchTest
    static final ArchRule DEIT = modelsSee("models.deit", "models", "models.layers", "models.vit");

    /** A hybrid is a ViT behind a ResNet. */
    @ArchTest
    static final ArchRule HYBRID = modelsSee("models.hybrid", "models", "models.layers", "models.vit", "models.resnet");

    @ArchTest
    static final ArchRule NO_CYCLES_OF_FAMILIES =
            slices().matching("dev.vitrail.models.(*)..").should().beFreeOfCycles();

    /** Images for what a checkpoint's folder says of their preparation. */
    @ArchTest
    static final ArchRule WEIGHTS = sees("weights", "engine", "nn", "models", "images", "files");

    /** The engine only where images become tensors. */
    @ArchTest
    static final ArchRule IMAGES = sees("images", "engine");

    /** What an image is sees neither its decoders nor augmentation, and these do not see each other. */
    @ArchTest
    static final ArchRule IMAGES_ARE_LAYERS = below("images", "images.decode..", "images.augment..");

    @ArchTest
    static final ArchRule DECODERS_DO_NOT_AUGMENT = below("images.decode..", "images.augment..");

    /** Checkpoint files are read without the network. */
    @ArchTest
    static final ArchRule PICKLES_ARE_READ_OFFLINE = below("weights.torch..", "weights.hub..");

    /** Optimizers and schedules know no run and no options. */
    @ArchTest
    static final ArchRule OPTIMIZERS_KNOW_NO_RUN = below("train.optim..", "train", "train.schedule..");

    @ArchTest
    static final ArchRule SCHEDULES_KNOW_NO_RUN = below("train.schedule..", "train", "train.optim..");

    @ArchTest
    static final ArchRule DATA = sees("data", "images", "engine", "files", "parquet");

    @ArchTest
    static final ArchRule PARQUET = sees("parquet", "files");

    @ArchTest
    static final ArchRule LOADING = sees("loading", "engine", "nn", "models", "weights", "images", "data", "files");

    @ArchTest
    static final ArchRule TRAIN = sees(
            "train", "distributed", "engine", "nn", "models", "weights", "loading", "images", "data", "eval", "files");

    @ArchTest
    static final ArchRule EVAL = sees("eval", "engine", "nn", "models", "weights", "images", "data", "files");

    @ArchTest
    static final ArchRule REPORT = sees(
            "report", "engine", "nn", "models", "weights", "loading", "images", "data", "train", "eval", "inspect",
            "files");

    @ArchTest
    static final ArchRule STUDY = sees("study", FRONT_DOOR, "models", "data", "train", "report", "files");

    @ArchTest
    static final ArchRule DOCTOR = sees("doctor", "models", "weights", "loading", "images", "data", "train");

    /** Figures are computed without what draws them. */
    @ArchTest
    static final ArchRule INSPECT = sees(
            "inspect", FRONT_DOOR, "engine", "nn", "models", "weights", "loading", "images", "data", "eval", "files");

    @ArchTest
    static final ArchRule NOTHING_LOOKS_UP = noClasses()
            .that()
            .resideInAnyPackage(of(
                    "engine",
                    "distributed",
                    "files",
                    "parquet",
                    "nn",
                    "models",
                    "weights",
                    "images",
                    "data",
                    "loading",
                    "train",
                    "eval"))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(of(FRONT_DOOR, "doctor", "parity", "inspect", "report", "study"));

    /** The first package below {@code dev.vitrail}; the front door counts as one. */
    private static final SliceAssignment PACKAGES = new SliceAssignment() {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass type) {
            var parts = type.getPackageName().split("\\.");
            return SliceIdentifier.of(parts.length > 2 ? parts[2] : "the front door");
        }

        @Override
        public String getDescription() {
            return "the packages, the front door among them,";
        }
    };

    @ArchTest
    static final ArchRule NO_CYCLES = slices().assignedFrom(PACKAGES).should().beFreeOfCycles();

    @ArchTest
    static final ArchRule ONLY_THE_ENGINE_KNOWS_THE_BINDING = noClasses()
            .that()
            .resideOutsideOfPackage("dev.vitrail.engine..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.bytedeco..", "com.sun.jna..");

    @ArchTest
    static final ArchRule ONLY_PARQUET_KNOWS_ITS_LIBRARIES = noClasses()
            .that()
            .resideOutsideOfPackage("dev.vitrail.parquet..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.apache.parquet..");

    /** Zstandard is in Parquet's pages, and in strips and tiles of TIFF. */
    @ArchTest
    static final ArchRule ONLY_PARQUET_AND_TIFF_EXPAND_ZSTANDARD = noClasses()
            .that()
            .resideOutsideOfPackage("dev.vitrail.parquet..")
            .and()
            .doNotHaveFullyQualifiedName("dev.vitrail.images.decode.TiffCompression")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.airlift..");

    @ArchTest
    static final ArchRule NOTHING_IS_PRINTED = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

    @ArchTest
    static final ArchRule ONE_LOGGING = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;

    /** A class of {@code name} sees its own package, those named, and of ours otherwise only the errors. */
    private static ArchRule sees(String name, String... others) {
        var seen = Stream.concat(Stream.of(name), Arrays.stream(others)).toArray(String[]::new);
        return classes()
                .that()
                .resideInAPackage("dev.vitrail." + name + "..")
                .should()
                .onlyDependOnClassesThat(not(resideInAPackage("dev.vitrail.."))
                        .or(resideInAnyPackage(of(seen)))
                        .or(resideInAPackage("dev.vitrail.errors")))
                .allowEmptyShould(true);
    }

    /** Of the packages of models, {@code name} sees itself and those named, each without what lies below it. */
    private static ArchRule modelsSee(String name, String... others) {
        var seen = Stream.concat(Stream.of(name), Arrays.stream(others))
                .map(other -> "dev.vitrail." + other)
                .toArray(String[]::new);
        return classes()
                .that()
                .resideInAPackage("dev.vitrail." + name)
                .should()
                .onlyDependOnClassesThat(
                        not(resideInAPackage("dev.vitrail.models..")).or(resideInAnyPackage(seen)));
    }

    private static ArchRule below(String name, String... unseen) {
        return noClasses()
                .that()
                .resideInAPackage("dev.vitrail." + name)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(Arrays.stream(unseen)
                        .map(other -> "dev.vitrail." + other)
                        .toArray(String[]::new));
    }

    private static String[] of(String... names) {
        return Arrays.stream(names)
                .map(name -> name.equals(FRONT_DOOR) ? name : "dev.vitrail." + name + "..")
                .toArray(String[]::new);
    }
}
