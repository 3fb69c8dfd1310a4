package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Processor.Cache;
import dev.vitrail.engine.Products.Backend;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessorTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private Processor processor(String vendor, String flags) throws IOException {
        var info = folder.resolve("cpuinfo");
        Files.writeString(
                info,
                "processor\t: 0\nvendor_id\t: %s\nmodel name\t: A Model\nflags\t\t: %s\n".formatted(vendor, flags));
        return Processor.readLinux(info, folder.resolve("cache"));
    }

    private void cache(int index, String level, String type, String size) throws IOException {
        var cache = Files.createDirectories(folder.resolve("cache/index" + index));
        Files.writeString(cache.resolve("level"), level + "\n");
        Files.writeString(cache.resolve("type"), type + "\n");
        Files.writeString(cache.resolve("size"), size + "\n");
    }

    private void caches() throws IOException {
        cache(0, "1", "Data", "32K");
        cache(1, "1", "Instruction", "64K");
        cache(2, "2", "Unified", "1M");
    }

    @Test
    void cachesOfDataAreReadWithTheirSizes() throws IOException {
        caches();
        var processor = processor("GenuineIntel", "fpu avx avx2 avx512f");
        assertThat(processor.caches()).containsExactly(new Cache(1, 32 << 10), new Cache(2, 1 << 20));
        assertThat(processor.name()).isEqualTo("A Model");
        assertThat(processor.widestVectors()).isEqualTo("AVX-512");
        assertThat(processor.hidesCaches()).isFalse();
        assertThat(Products.decide("auto", processor).backend()).isEqualTo(Backend.ONEDNN);
    }

    @Test
    void aMachineWithoutCacheFoldersHidesThem() throws IOException {
        var processor = processor("GenuineIntel", "fpu avx avx2");
        assertThat(processor.hidesCaches()).isTrue();
        assertThat(Products.decide("auto", processor).backend()).isEqualTo(Backend.BLAS);
        assertThat(Products.decide("onednn", processor).backend()).isEqualTo(Backend.ONEDNN);
    }

    @Test
    void anAmdProcessorWithoutTheLeafThatLibrariesReadHidesThem() throws IOException {
        caches();
        assertThat(processor("AuthenticAMD", "fpu avx2 topoext").hidesCaches()).isFalse();
        assertThat(processor("AuthenticAMD", "fpu avx2").hidesCaches()).isTrue();
    }

    @Test
    void aProcessorThatSaysNothingHidesItsCaches() {
        var processor = Processor.readLinux(folder.resolve("nowhere"), folder.resolve("nowhere"));
        assertThat(processor).isEqualTo(new Processor("", "", processor.features(), List.of()));
        assertThat(processor.hidesCaches()).isTrue();
    }

    @Test
    void bf16IsSlowWithoutItsInstructionsAndWithoutOneDnn() throws IOException {
        caches();
        var plain = processor("AuthenticAMD", "avx2 topoext");
        var wide = processor("AuthenticAMD", "avx2 avx512f avx512_bf16 topoext");
        var onednn = Products.decide("onednn", wide);
        assertThat(Autocast.slowBf16(onednn, plain))
                .hasValueSatisfying(reason -> assertThat(reason).contains("no instructions for bf16"));
        assertThat(Autocast.slowBf16(onednn, wide)).isEmpty();
        assertThat(Autocast.slowBf16(Products.decide("blas", wide), wide))
                .hasValueSatisfying(reason -> assertThat(reason).contains("22 times"));
    }

    @Test
    void anUnknownBackendIsRefusedWithTheKnownOnes() {
        assertThatThrownBy(() -> Products.decide("mkl", Processor.read()))
                .isInstanceOf(VitrailException.class)
                .hasMessage("vitrail.products is 'mkl': expected auto, onednn or blas");
    }
}
