package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.errors.VitrailException;
import org.junit.jupiter.api.Test;

/** A library that cannot be linked is named, and natives are blamed only where natives are at fault. */
class LinkageFailureTest {
    private static String told(LinkageError failure) {
        return LinkageFailure.of(failure).orElseThrow().getMessage();
    }

    @Test
    void nativesAreNamedByTheLoadersWords() {
        var missing = new UnsatisfiedLinkError("no jnitorch in java.library.path\nmore");
        assertThat(told(missing))
                .startsWith("the native libraries could not be loaded (no jnitorch in java.library.path): ");
        assertThat(told(new ExceptionInInitializerError(missing))).isEqualTo(told(missing));
        assertThat(told(new NoClassDefFoundError("Could not initialize class org.bytedeco.pytorch.global.torch")))
                .contains("native libraries", "org.bytedeco.pytorch.global.torch");
    }

    @Test
    void aFileSystemWithoutProgramsIsTold() {
        var segment = new UnsatisfiedLinkError("/x/libc10.so: failed to map segment from shared object");
        assertThat(told(segment)).contains("noexec", "-Dorg.bytedeco.javacpp.cachedir=DIR", "-Djna.tmpdir=DIR");
        var apple = new UnsatisfiedLinkError("/x/libc10.dylib: Operation not permitted");
        assertThat(told(new ExceptionInInitializerError(apple))).isEqualTo(told(segment));
    }

    @Test
    void classesOfAnotherVersionAreNotNatives() {
        var conflict = new NoSuchMethodError("'void com.google.protobuf.Any.of(java.lang.String)'");
        assertThat(told(conflict))
                .contains("NoSuchMethodError", "com.google.protobuf.Any", "of another version")
                .doesNotContain("native");
        assertThat(told(new ExceptionInInitializerError(conflict))).isEqualTo(told(conflict));
        var absent = new NoClassDefFoundError("org/apache/parquet/io/InputFile");
        assertThat(told(absent)).contains("org/apache/parquet/io/InputFile").doesNotContain("native");
    }

    @Test
    void anInitializersOwnSentenceIsKeptAndAFaultOfItsOwnIsNoLibrarys() {
        var ours = new VitrailException("take 25.0.3 or newer");
        assertThat(LinkageFailure.of(new ExceptionInInitializerError(ours))).contains(ours);
        assertThat(LinkageFailure.of(new ExceptionInInitializerError(new NullPointerException())))
                .isEmpty();
    }
}
