package dev.vitrail.train;

import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.WeightGradients;
import dev.vitrail.nn.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The gradients of a model, added up over all processes in pieces of some MiB (Li et al., PyTorch Distributed, 2020,
 * arXiv:2006.15704, section 3.2.3). A piece is sent as soon as its gradients are complete, while those of others are
 * computed.
 *
 * <p>Gradients of linear layers' weights, most of a transformer's, are computed after the backward pass ({@link
 * WeightGradients}), the last layer's first; all others are complete by then. The pieces are laid out in that order,
 * once, so that a run which is resumed adds up in the same order. They go out in the order of their layout, in all
 * processes alike.
 */
final class GradientBuckets implements WeightGradients.Listener, AutoCloseable {
    /**
     * Large enough that the sum takes longer than its beginning, small enough that many are under way; see
     * docs/adr/0024.
     */
    private static final int BUCKET_BYTES = 4 << 20;

    private final ProcessGroup group;
    private final List<Bucket> buckets = new ArrayList<>();
    /** Buckets of the gradients, by the present values of their parameters. */
    private final Map<Tensor, Bucket> places = new IdentityHashMap<>();

    private int sent;
    private long waited;

    /**
     * @param parameters that are trained, in the model's order
     */
    GradientBuckets(ProcessGroup group, List<Parameter> parameters) {
        this.group = group;
        var order = new ArrayList<Parameter>();
        parameters.stream().filter(parameter -> !isComputedLater(parameter)).forEach(order::add);
        var later = new ArrayList<>(
                parameters.stream().filter(GradientBuckets::isComputedLater).toList());
        Collections.reverse(later);
        order.addAll(later);
        var slots = new ArrayList<Slot>();
        int elements = 0;
        for (var parameter : order) {
            int count = Math.toIntExact(parameter.value().count());
            if (!slots.isEmpty() && 4L * (elements + count) > BUCKET_BYTES) {
                buckets.add(new Bucket(slots, elements));
                slots = new ArrayList<>();
                elements = 0;
            }
            slots.add(new Slot(parameter, elements, count));
            elements += count;
        }
        if (!slots.isEmpty()) {
            buckets.add(new Bucket(slots, elements));
        }
    }

    /**
     * Returns whether a parameter's gradient is computed after the backward pass, judged by its two dimensions. A
     * parameter that is misjudged only has its bucket sent later than it could be.
     */
    private static boolean isComputedLater(Parameter parameter) {
        return parameter.value().dims() == 2;
    }

    /**
     * A parameter's place in a bucket.
     *
     * @param begin the first element
     */
    private record Slot(Parameter parameter, int begin, int count) {}

    private final class Bucket {
        private final List<Slot> slots;
        private final Tensor flat;
        private int missing;
        private Optional<ProcessGroup.Sum> sum = Optional.empty();

        Bucket(List<Slot> slots, int elements) {
            this.slots = List.copyOf(slots);
            flat = Frame.compute(
                    () -> Tensor.empty(DType.F32, Device.CPU, elements).keep());
        }

        /** Copies the gradients of this process, and begins to add up. */
        void send() {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                for (var slot : slots) {
                    var place = flat.narrow(0, slot.begin, slot.count);
                    var value = slot.parameter.value();
                    if (value.hasGradient()) {
                        place.copyInPlace(value.gradient().flat());
                    } else {
                        place.fillInPlace(0); // none in any process: all have the same model
                    }
                }
                sum = Optional.of(group.beginSum(flat));
            }
        }

        void await() {
            sum.ifPresent(ProcessGroup.Sum::await);
            sum = Optional.empty();
        }

        boolean isFinite() {
            return Double.isFinite(Frame.compute(() -> flat.sum().item()));
        }

        /** Makes the sums the gradients of this process. */
        void unpack() {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                for (var slot : slots) {
                    var value = slot.parameter.value();
                    if (value.hasGradient()) {
                        value.gradient()
                                .copyInPlace(
                                        flat.narrow(0, slot.begin, slot.count).reshape(value.shape()));
                    }
                }
            }
        }
    }

    /** Prepares for a backward pass. */
    void begin() {
        sent = 0;
        places.clear();
        for (var bucket : buckets) {
            bucket.missing = bucket.slots.size();
            bucket.slots.forEach(slot -> places.put(slot.parameter.value(), bucket));
        }
    }

    @Override
    public void computing(List<Tensor> later) {
        Set<Tensor> missing = Collections.newSetFromMap(new IdentityHashMap<>());
        missing.addAll(later);
        places.forEach((tensor, bucket) -> {
            if (!missing.contains(tensor)) {
                bucket.missing--;
            }
        });
        sendComplete();
    }

    @Override
    public void complete(Tensor weight) {
        var bucket = places.get(weight);
        if (bucket != null) {
            bucket.missing--;
            sendComplete();
        }
    }

    private void sendComplete() {
        while (sent < buckets.size() && buckets.get(sent).missing == 0) {
            buckets.get(sent++).send();
        }
    }

    /** Sends what has not been sent, and waits for all sums; the gradients are still those of this process. */
    void finish() {
        long start = System.nanoTime();
        while (sent < buckets.size()) {
            buckets.get(sent++).send();
        }
        buckets.forEach(Bucket::await);
        waited += System.nanoTime() - start;
    }

    /** Returns whether the sums are finite. */
    boolean isFinite() {
        return buckets.stream().allMatch(Bucket::isFinite);
    }

    /** Makes the sums the gradients. */
    void unpack() {
        buckets.forEach(Bucket::unpack);
    }

    /** Nanoseconds that sums were waited for so far. */
    long waited() {
        return waited;
    }

    @Override
    public void close() {
        buckets.forEach(bucket -> bucket.flat.release());
        buckets.clear();
    }
}
