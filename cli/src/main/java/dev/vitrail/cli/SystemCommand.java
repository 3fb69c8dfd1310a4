package dev.vitrail.cli;

import dev.vitrail.engine.Processor;
import dev.vitrail.engine.SelfTest;
import dev.vitrail.engine.SystemReport;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Option;

/** Shows the machine, the libraries and what was decided from them, and tests their numbers. */
@Command(
        name = "system",
        description = {
            "Shows processor, memory, limits, libraries and the backend chosen for matrix products, for bug reports.",
            "--full compares products, convolutions, attention, norms and gradients with double precision."
        },
        footer = {"", "Example:", "  vitrail system --full --json"})
final class SystemCommand implements Callable<Integer> {
    /** Shapes of the full test, and where their drawing starts. */
    private static final int SHAPES = 1000;

    private static final int SEED = 1;

    @Option(names = "--full", description = "Test the numbers over " + SHAPES + " random shapes (some 12 s).")
    private boolean full;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var report = SystemReport.read();
        var test = full ? Optional.of(SelfTest.run(SEED, SHAPES)) : Optional.<SelfTest.Result>empty();
        if (json) {
            Json.print(object(report, test));
        } else {
            print(report, test);
        }
        boolean sound = report.canary().isEmpty()
                && test.map(found -> found.failures().isEmpty()).orElse(true);
        return sound ? ExitCode.OK : ExitCode.SOFTWARE;
    }

    private static Map<String, Object> object(SystemReport report, Optional<SelfTest.Result> test) {
        var object = new LinkedHashMap<String, Object>();
        object.put(
                "platform",
                Json.object(
                        "system", report.platform().system(),
                        "java", report.platform().java()));
        object.put(
                "processor",
                Json.object(
                        "name", report.processor().name(),
                        "vendor", report.processor().vendor(),
                        "vectors", report.processor().widestVectors(),
                        "caches",
                                report.processor().caches().stream()
                                        .map(cache -> Json.object("level", cache.level(), "bytes", cache.bytes()))
                                        .toList(),
                        "hides_caches", report.processor().hidesCaches()));
        var limits = report.limits();
        object.put(
                "limits",
                Json.object(
                        "cores", limits.cores(),
                        "cpu_quota",
                                limits.cpuQuota().isPresent()
                                        ? (Object) limits.cpuQuota().getAsDouble()
                                        : "none",
                        "memory_bytes", limits.memoryBytes(),
                        "heap_bytes", limits.heapBytes(),
                        "threads", limits.threads(),
                        "waiting", limits.waiting()));
        var libraries = report.libraries();
        object.put(
                "libraries",
                Json.object(
                        "libtorch", libraries.libtorch(),
                        "onednn", libraries.oneDnn(),
                        "onednn_limit", libraries.oneDnnLimit().orElse("none"),
                        "blas", libraries.blas(),
                        "blas_kernels", libraries.blasKernels()));
        object.put("environment", report.environment());
        object.put(
                "products",
                Json.object(
                        "backend",
                        report.products().backend().toString(),
                        "training_backend",
                        report.products().trainsOnBlas()
                                ? "BLAS"
                                : report.products().backend().toString(),
                        "reason",
                        report.products().reason()));
        object.put(
                "canary",
                Json.object(
                        "passed",
                        report.canary().isEmpty(),
                        "failure",
                        report.canary().orElse("none")));
        object.put("cuda_devices", report.cuda().map(SystemReport.Cuda::devices).orElse(0L));
        test.ifPresent(found -> object.put(
                "full",
                Json.object(
                        "checks", found.checks(), "failed", found.failures().size(), "failures", found.failures())));
        return object;
    }

    private static void print(SystemReport report, Optional<SelfTest.Result> test) {
        var processor = report.processor();
        var limits = report.limits();
        var libraries = report.libraries();
        line(
                "system",
                report.platform().system() + ", Java " + report.platform().java());
        line(
                "processor",
                processor.name() + (processor.widestVectors().isEmpty() ? "" : ", " + processor.widestVectors()));
        line("caches", caches(processor));
        line(
                "limits",
                String.format(
                        Locale.ROOT,
                        "%d cores%s, %.1f GiB of memory, %.1f GiB of heap",
                        limits.cores(),
                        limits.cpuQuota().isPresent()
                                ? String.format(
                                        Locale.ROOT,
                                        " (quota %.2f)",
                                        limits.cpuQuota().getAsDouble())
                                : "",
                        limits.memoryBytes() / 0x1p30,
                        limits.heapBytes() / 0x1p30));
        line("threads", limits.threads() + ", waiting " + limits.waiting());
        line("libtorch", libraries.libtorch());
        line(
                "oneDNN",
                libraries.oneDnn()
                        + libraries
                                .oneDnnLimit()
                                .map(limit -> ", held to " + limit)
                                .orElse(""));
        line(
                "BLAS",
                libraries.blas()
                        + (libraries.blasKernels().isEmpty() ? "" : ", kernels for " + libraries.blasKernels()));
        if (!report.environment().isEmpty()) {
            line(
                    "environment",
                    report.environment().entrySet().stream()
                            .map(Object::toString)
                            .collect(Collectors.joining(", ")));
        }
        line("CUDA", report.cuda().map(cuda -> cuda.devices() + " devices").orElse("not in this build of libtorch"));
        line(
                "matrix products",
                report.products().backend() + ", since " + report.products().reason());
        if (report.products().trainsOnBlas()) {
            line("", "BLAS for training");
        }
        line("canary", report.canary().map(failure -> "FAILED: " + failure).orElse("passed"));
        test.ifPresent(found -> {
            line("full test", "%d of %d shapes wrong".formatted(found.failures().size(), found.checks()));
            found.failures().forEach(failure -> line("", failure));
        });
    }

    private static String caches(Processor processor) {
        if (processor.hidesCaches()) {
            return "hidden";
        }
        return processor.caches().stream()
                .map(cache -> "L%d %,d KiB".formatted(cache.level(), cache.bytes() / 1024))
                .collect(Collectors.joining(", "));
    }

    private static void line(String name, String value) {
        System.out.printf(Locale.ROOT, "%-16s %s%n", name, value);
    }
}
