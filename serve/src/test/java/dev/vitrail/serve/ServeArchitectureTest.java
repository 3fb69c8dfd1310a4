package dev.vitrail.serve;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which package of the server may see which. */
@AnalyzeClasses(packages = "dev.vitrail.serve", importOptions = DoNotIncludeTests.class)
class ServeArchitectureTest {
    @ArchTest
    static final ArchRule BATCHING_KNOWS_NO_NETWORK = noClasses()
            .that()
            .resideInAPackage("dev.vitrail.serve.batching..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.vitrail.serve", "dev.vitrail.serve.protocol..", "com.linecorp..", "io.grpc..", "io.netty..");

    /** Images come in requests, never from an address in one. */
    @ArchTest
    static final ArchRule NOTHING_IS_FETCHED = noClasses()
            .that()
            .resideOutsideOfPackage("dev.vitrail.serve.protocol..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.net.http..", "com.linecorp.armeria.client..", "dev.vitrail.weights.hub..")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.net.URL");

    @ArchTest
    static final ArchRule NOTHING_IS_PRINTED = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
}
