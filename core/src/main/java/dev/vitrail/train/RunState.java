package dev.vitrail.train;

import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Module;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.StoredTensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * All state of a run in one safetensors file, so that it is replaced as a whole: the weights, the optimiser's state,
 * the running mean, the random numbers, and how far the run is.
 */
final class RunState {
    /** The random numbers of the CPU, and of the GPU that the model is on. */
    private static final List<String> RANDOM = List.of("random", "random_of_device");

    private static final String SKIPPED = "skipped";

    private RunState() {}

    /** The tensors that a run changes, by their names in the file. */
    private static Map<String, Tensor> tensors(Module model, TrainingStep step) {
        var all = new LinkedHashMap<String, Tensor>();
        model.parameters().forEach((name, parameter) -> all.put("model/" + name, parameter.value()));
        all.putAll(step.state());
        return all;
    }

    /** Writes the file, or leaves the old one as it is. */
    static void write(Path file, Progress progress, Module model, TrainingStep step) {
        var stored = stored(tensors(model, step));
        stored.addAll(random(RandomState.save(model.device())));
        Safetensors.write(file, stored, metadata(progress));
    }

    /** The states of random numbers as a file holds them. */
    static List<StoredTensor> random(List<byte[]> states) {
        var stored = new ArrayList<StoredTensor>();
        for (int i = 0; i < states.size(); i++) {
            var bytes = states.get(i);
            stored.add(new StoredTensor(RANDOM.get(i), DType.U8, new long[] {bytes.length}, ByteBuffer.wrap(bytes)));
        }
        return stored;
    }

    /** Restores what {@link #random(List)} returned; the GPU's is missing where the run was on the CPU. */
    static List<byte[]> random(StateDict saved) {
        return RANDOM.stream()
                .flatMap(name -> saved.find(name).stream())
                .map(stored -> {
                    var bytes = new byte[(int) stored.elements()];
                    stored.bytes().get(bytes);
                    return bytes;
                })
                .toList();
    }

    /** Tensors as a file holds them. */
    static List<StoredTensor> stored(Map<String, Tensor> tensors) {
        var stored = new ArrayList<StoredTensor>();
        tensors.forEach((name, tensor) -> stored.add(stored(name, tensor)));
        return stored;
    }

    private static StoredTensor stored(String name, Tensor tensor) {
        return new StoredTensor(name, tensor.dtype(), tensor.shape(), ByteBuffer.wrap(tensor.toBytes()));
    }

    private static Map<String, String> metadata(Progress p) {
        return Map.ofEntries(
                Map.entry("format", "pt"),
                Map.entry("epoch", Integer.toString(p.epoch())),
                Map.entry("step", Integer.toString(p.step())),
                Map.entry("loss_sum", Double.toString(p.lossSum())),
                Map.entry("correct", Double.toString(p.correct())),
                Map.entry("seen", Long.toString(p.seen())),
                Map.entry("best_top1", Double.toString(p.bestTop1())),
                Map.entry("best_loss", Double.toString(p.bestLoss())),
                Map.entry("best_epoch", Integer.toString(p.bestEpoch())),
                Map.entry("epoch_seconds", Double.toString(p.epochSeconds())),
                Map.entry(SKIPPED, Integer.toString(p.skipped())));
    }

    /**
     * Restores what {@link #write} wrote.
     *
     * @throws VitrailException if the file is missing or broken, or belongs to another model or optimiser; nothing is
     *     then changed
     */
    static Progress read(Path file, Module model, TrainingStep step) {
        var saved = Safetensors.read(file);
        var tensors = tensors(model, step);
        for (var entry : tensors.entrySet()) {
            var found = saved.find(entry.getKey());
            VitrailException.require(
                    found.isPresent()
                            && found.get().dtype() == entry.getValue().dtype()
                            && Arrays.equals(
                                    found.get().shape(), entry.getValue().shape()),
                    "%s does not fit this run: its tensor %s should be %s; resume with the config.yaml that"
                            + " the run began with",
                    file,
                    entry.getKey(),
                    entry.getValue());
        }
        var random = random(saved);
        VitrailException.require(
                saved.find(RANDOM.get(0)).isPresent(),
                "%s lacks the state of the random numbers: it is no state to go on from, or damaged; begin the"
                        + " run anew",
                file);
        VitrailException.require(
                saved.size() == tensors.size() + random.size(),
                "%s holds %d tensors and this run has %d: resume with the config.yaml that the run began with",
                file,
                saved.size() - random.size(),
                tensors.size());
        var progress = progress(saved);
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            tensors.forEach((name, tensor) -> {
                var stored = saved.get(name);
                tensor.copyInPlace(Tensor.of(stored.bytes(), stored.dtype(), stored.shape()));
            });
        }
        RandomState.restore(model.device(), random);
        return progress;
    }

    /**
     * Gives all processes of a group the state that rank 0 has.
     *
     * @param progress of rank 0; of the others anything
     * @return that of rank 0
     */
    static Progress share(ProcessGroup group, Progress progress, Module model, TrainingStep step) {
        if (group.isSingle()) {
            return progress;
        }
        group.broadcast(List.copyOf(tensors(model, step).values()), 0);
        var random = RandomState.save(model.device()).stream()
                .map(state -> Frame.compute(() -> {
                    var bytes = Tensor.of(state, state.length);
                    group.broadcast(List.of(bytes), 0);
                    return bytes.toBytes();
                }))
                .toList();
        RandomState.restore(model.device(), random);
        return Progress.of(numbers(group, progress.numbers()));
    }

    /** The numbers of rank 0, as many as it has. */
    static double[] numbers(ProcessGroup group, double[] own) {
        return group.gather(group.isFirst() ? own : new double[0]).get(0);
    }

    private static Progress progress(StateDict saved) {
        try {
            return new Progress(
                    Integer.parseInt(field(saved, "epoch")),
                    Integer.parseInt(field(saved, "step")),
                    Double.parseDouble(field(saved, "loss_sum")),
                    Double.parseDouble(field(saved, "correct")),
                    Long.parseLong(field(saved, "seen")),
                    Double.parseDouble(field(saved, "best_top1")),
                    Double.parseDouble(field(saved, "best_loss")),
                    Integer.parseInt(field(saved, "best_epoch")),
                    Double.parseDouble(field(saved, "epoch_seconds")),
                    Integer.parseInt(saved.metadata().getOrDefault(SKIPPED, "0"))); // older states do not count them
        } catch (NumberFormatException e) {
            throw new VitrailException(
                    "%s says how far the run was in numbers that are none (%s): start anew from the weights beside it"
                            .formatted(saved.origin(), e.getMessage()),
                    e);
        }
    }

    private static String field(StateDict saved, String name) {
        var value = saved.metadata().get(name);
        VitrailException.require(value != null, "%s is no state of a run: it does not say '%s'", saved.origin(), name);
        return String.valueOf(value);
    }
}
