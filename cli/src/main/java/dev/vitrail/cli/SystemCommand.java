package dev.vitrail.cli;

import dev.vitrail.engine.Processor;
import dev.vitrail.engine.SelfTest;
import dev.vitrail.engine.SystemReport;
import java.util.List;
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
            JsonOutput.print(result(report, test));
        } else {
            print(report, test);
        }
        boolean sound = report.canary().isEmpty()
                && test.map(found -> found.failures().isEmpty()).orElse(true);
        return sound ? ExitCode.OK : ExitCode.SOFTWARE;
    }

    private static Result result(SystemReport report, Optional<SelfTest.Result> test) {
        var processor = report.processor();
        var limits = report.limits();
        var libraries = report.libraries();
        var products = report.products();
        return new Result(
                report.platform(),
                new Result.Cpu(
                        processor.name(),
                        processor.vendor(),
                        processor.widestVectors(),
                        processor.caches(),
                        processor.hidesCaches()),
                new Result.Limits(
                        limits.cores(),
                        limits.cpuQuota().isPresent() ? limits.cpuQuota().getAsDouble() : "none",
                        limits.memoryBytes(),
                        limits.heapBytes(),
                        limits.threads(),
                        limits.waiting()),
                new Result.Libraries(
                        libraries.libtorch(),
                        libraries.oneDnn(),
                        libraries.oneDnnLimit().orElse("none"),
                        libraries.blas(),
                        libraries.blasKernels()),
                report.environment(),
                new Result.Products(
                        products.backend().toString(),
                        products.trainsOnBlas() ? "BLAS" : products.backend().toString(),
                        products.reason()),
                new Result.Canary(report.canary().isEmpty(), report.canary().orElse("none")),
                report.cuda().map(SystemReport.Cuda::devices).orElse(0L),
                test.map(found ->
                        new Result.Full(found.checks(), found.failures().size(), found.failures())));
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

    /** Output of {@code --json}. */
    private record Result(
            SystemReport.Platform platform,
            Cpu processor,
            Limits limits,
            Libraries libraries,
            Map<String, String> environment,
            Products products,
            Canary canary,
            long cudaDevices,
            Optional<Full> full) {
        record Cpu(String name, String vendor, String vectors, List<Processor.Cache> caches, boolean hidesCaches) {}

        /** {@code cpuQuota} is a number or "none". */
        record Limits(int cores, Object cpuQuota, long memoryBytes, long heapBytes, int threads, String waiting) {}

        record Libraries(String libtorch, String onednn, String onednnLimit, String blas, String blasKernels) {}

        record Products(String backend, String trainingBackend, String reason) {}

        record Canary(boolean passed, String failure) {}

        record Full(int checks, int failed, List<String> failures) {}
    }
}
