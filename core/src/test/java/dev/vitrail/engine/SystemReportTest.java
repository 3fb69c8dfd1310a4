package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class SystemReportTest {
    @Test
    void theEnvironmentIsWhatTheNativesRead() {
        var variables = Map.of(
                "OPENBLAS_CORETYPE",
                "Haswell",
                "OMP_NUM_THREADS",
                "1",
                "LD_PRELOAD",
                "",
                "PATH",
                "/bin",
                "SECRET",
                "s");
        assertThat(SystemReport.environment(variables))
                .containsExactly(
                        Map.entry("LD_PRELOAD", ""),
                        Map.entry("OMP_NUM_THREADS", "1"),
                        Map.entry("OPENBLAS_CORETYPE", "Haswell"));
    }

    @Test
    void theReportDescribesThisProcess() {
        var report = SystemReport.read();
        assertThat(report.processor()).isEqualTo(Processor.read());
        assertThat(report.products()).isEqualTo(Products.choice());
        assertThat(report.libraries().blas()).isNotEmpty();
    }
}
