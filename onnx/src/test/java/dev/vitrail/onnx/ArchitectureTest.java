package dev.vitrail.onnx;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.vitrail", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule ONLY_THIS_MODULE_KNOWS_ONNX = noClasses()
            .that()
            .resideOutsideOfPackage("dev.vitrail.onnx..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("ai.onnx..", "ai.onnxruntime..", "com.google.protobuf..", "org.tribuo..");

    /** A graph is made of what the engine recorded: no family has a definition of its own here. */
    @ArchTest
    static final ArchRule NO_FAMILY_IS_KNOWN = noClasses()
            .that()
            .resideInAPackage("dev.vitrail.onnx..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.vitrail.models.vit..",
                    "dev.vitrail.models.deit..",
                    "dev.vitrail.models.hybrid..",
                    "dev.vitrail.models.swin..",
                    "dev.vitrail.models.cait..",
                    "dev.vitrail.models.t2t..",
                    "dev.vitrail.models.convnext..",
                    "dev.vitrail.models.resnet..",
                    "dev.vitrail.models.beit..",
                    "dev.vitrail.models.mixer..",
                    "dev.vitrail.models.compact..",
                    "org.bytedeco..");
}
