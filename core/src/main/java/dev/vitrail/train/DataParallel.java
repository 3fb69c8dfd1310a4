package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.SYNC_BATCH_NORM;

import dev.vitrail.data.Batch;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;

/**
 * One process's part in the steps of a group of processes. Each has the whole model and a share of every batch; the
 * loss of a batch is the mean over all of it, so that the gradients of all processes add up to those that one process
 * would compute.
 */
final class DataParallel implements AutoCloseable {
    private final ProcessGroup group;
    private final Optional<Consumer<Tensor>> statistics;
    private final GradientBuckets gradients;
    /** Buffers, such as running means, that each process changes by its own images. */
    private final List<Parameter> averaged;

    /** @param parameters that are trained */
    DataParallel(ProcessGroup group, TrainingConfig config, Model model, List<Parameter> parameters) {
        this.group = group;
        boolean synchronised = config.get(SYNC_BATCH_NORM);
        statistics = synchronised ? Optional.of(group::sum) : Optional.empty();
        gradients = new GradientBuckets(group, parameters);
        averaged = synchronised
                ? List.of()
                : model.parameters().values().stream()
                        .filter(parameter -> parameter.isBuffer()
                                && parameter.value().dtype().floating())
                        .toList();
    }

    GradientBuckets gradients() {
        return gradients;
    }

    /** Takes a batch for the share that it is, until closed. */
    SharedBatch open(Batch batch) {
        return SharedBatch.open(batch.whole(), batch.places(), statistics);
    }

    /** The part that this process's images have in the mean loss of a batch. */
    double part(Batch batch, TrainingLoss loss, Tensor target) {
        var weight = loss.weight(target);
        return weight.isPresent()
                ? weight.getAsDouble() / group.sum(weight.getAsDouble())[0]
                : (double) batch.size() / batch.whole();
    }

    /**
     * The inputs of the first process that asks for it, in all processes; of rank 0, if none does.
     *
     * @param asks whether this one does
     */
    TrainingStep.Inputs firstOf(boolean asks, TrainingStep.Inputs inputs, Device device) {
        var asked = group.gather(new double[] {asks ? 1 : 0});
        int root = 0;
        while (root < asked.size() && asked.get(root)[0] == 0) {
            root++;
        }
        int from = root % asked.size();
        return new TrainingStep.Inputs(from(from, inputs.images(), device), from(from, inputs.target(), device));
    }

    private Tensor from(int root, Tensor own, Device device) {
        var dims = LongStream.of(own.shape()).asDoubleStream().toArray();
        var shape = DoubleStream.of(group.gather(dims).get(root))
                .mapToLong(side -> (long) side)
                .toArray();
        var tensor = group.rank() == root ? own : Tensor.empty(own.dtype(), device, shape);
        group.broadcast(List.of(tensor), root);
        return tensor;
    }

    /** Replaces running statistics by their means over all processes. */
    void averageBuffers() {
        if (averaged.isEmpty()) {
            return;
        }
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var all = Tensor.cat(
                            0,
                            averaged.stream()
                                    .map(buffer ->
                                            buffer.value().flat().to(Device.CPU).to(DType.F32))
                                    .toList())
                    .contiguous();
            group.sum(all);
            all.timesInPlace(1.0 / group.size());
            long begin = 0;
            for (var buffer : averaged) {
                var value = buffer.value();
                value.copyInPlace(all.narrow(0, begin, value.count()).reshape(value.shape()));
                begin += value.count();
            }
        }
    }

    @Override
    public void close() {
        gradients.close();
    }
}
