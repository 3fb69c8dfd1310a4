package dev.vitrail.cli;

import dev.vitrail.train.FailedStep;
import dev.vitrail.train.StepDiagnosis;
import dev.vitrail.train.TensorStatistics;
import dev.vitrail.train.TrainingModels;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a step again that went wrong. */
@Command(
        name = "replay",
        description = {
            "Repeats a training step that met a non-finite number, and shows the values of every module and gradient.",
            "Exit status 1: it happened again."
        },
        footer = {"", "Example:", "  vitrail replay runs/mine/failed-epoch3-step120.safetensors"})
final class ReplayCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "failed-epochE-stepS.safetensors of a run folder.")
    private Path file = Path.of("");

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--all", description = "Show all tensors, not only those near the first non-finite one.")
    private boolean all;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var failed = FailedStep.read(file);
        var place = device.device();
        try (var loaded = TrainingModels.of(failed, file.toString(), place)) {
            var diagnosis = TrainingModels.replay(failed, loaded, place);
            if (json) {
                JsonOutput.print(new Result(
                        file.toString(),
                        loaded.variant().name(),
                        diagnosis.loss(),
                        diagnosis.firstBad().orElse(""),
                        diagnosis.outputs().stream().map(Numbers::of).toList(),
                        diagnosis.gradients().stream().map(Numbers::of).toList()));
            } else {
                print(diagnosis);
            }
            return diagnosis.firstBad().isPresent() ? 1 : 0;
        }
    }

    private void print(StepDiagnosis diagnosis) {
        print("forward, in the order of computation", diagnosis.outputs());
        print("gradients, the last layer's first", diagnosis.gradients());
        System.out.printf(Locale.ROOT, "%nloss %s%n", diagnosis.loss());
        System.out.println(diagnosis
                .firstBad()
                .map(place -> "went bad first: " + place)
                .orElse("every number is finite: the step went wrong by something that is not in the file"));
    }

    /** Tensors shown before and after the first one with non-finite values. */
    private static final int AROUND = 6;

    private void print(String title, List<TensorStatistics> tensors) {
        int first = 0;
        while (first < tensors.size() && tensors.get(first).nonFinite() == 0) {
            first++;
        }
        int from = all ? 0 : Math.max(0, Math.min(first, tensors.size()) - AROUND);
        int to = all ? tensors.size() : Math.min(tensors.size(), first + AROUND);
        System.out.printf(Locale.ROOT, "%n%s%n", title);
        for (var tensor : tensors.subList(from, to)) {
            System.out.printf(
                    Locale.ROOT,
                    "  %-60s largest %12.5g%s%n",
                    tensor,
                    tensor.largest(),
                    tensor.nonFinite() == 0 ? "" : "   %,d not finite".formatted(tensor.nonFinite()));
        }
        int hidden = tensors.size() - (to - from);
        if (hidden > 0) {
            System.out.printf("  … and %d more: --all shows them%n", hidden);
        }
    }

    /** Output of {@code --json}. */
    private record Result(
            String file, String model, double loss, String firstBad, List<Numbers> outputs, List<Numbers> gradients) {}

    @SuppressWarnings("ArrayRecordComponent") // it is only printed
    private record Numbers(String name, long[] shape, double largest, long notFinite) {
        static Numbers of(TensorStatistics tensor) {
            return new Numbers(tensor.name(), tensor.shape(), tensor.largest(), tensor.nonFinite());
        }
    }
}
