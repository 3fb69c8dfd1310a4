package dev.vitrail.weights.torch;

import dev.vitrail.weights.ByteSource;
import dev.vitrail.weights.FormatErrors;
import dev.vitrail.weights.Shapes;
import dev.vitrail.weights.StoredTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Turns strided views of storages into contiguous tensors: without copying where they are contiguous already. */
final class TorchTensors {
    /** Bytes of storages, by their keys. */
    interface Storages {
        /** All bytes of the storage of that key, direct memory aligned to 8; the length is the file's word. */
        ByteBuffer bytes(TorchValues.Storage storage);
    }

    /** Copies may take this many times the file in all; more means views that repeat one storage over and over. */
    private static final long COPY_RATIO = 2;

    private record View(TorchValues.Storage storage, long offset, List<Long> shape, List<Long> strides) {}

    private final FormatErrors faults;
    private final Storages storages;
    private final Map<View, ByteBuffer> copies = new HashMap<>();
    private long copyBudget;

    TorchTensors(ByteSource source, Storages storages) {
        this.faults = new FormatErrors(source.name() + " is not a sound PyTorch file");
        this.storages = storages;
        this.copyBudget = COPY_RATIO * source.size();
    }

    /** The tensor as row-major bytes. {@link TorchValues} has checked that it stays inside its declared storage. */
    StoredTensor materialise(String name, TorchValues.Tensor tensor) {
        var storage = tensor.storage();
        var bytes = storages.bytes(storage);
        int size = storage.dtype().bytes();
        faults.require(
                bytes.remaining() == storage.elements() * size,
                "tensor %s needs a storage of %d elements of %s, but storage %s has %d bytes",
                name,
                storage.elements(),
                storage.dtype(),
                storage.key(),
                bytes.remaining());
        long elements = Shapes.elements(tensor.shape(), name);
        if (elements == 0) {
            return new StoredTensor(name, storage.dtype(), tensor.shape(), ByteBuffer.allocateDirect(0));
        }
        var data = contiguous(tensor)
                ? bytes.slice((int) (tensor.offset() * size), (int) (elements * size))
                : copy(tensor, bytes, (int) elements);
        return new StoredTensor(name, storage.dtype(), tensor.shape(), data);
    }

    private static boolean contiguous(TorchValues.Tensor tensor) {
        long expected = 1;
        for (int i = tensor.shape().length - 1; i >= 0; i--) {
            if (tensor.shape()[i] != 1 && tensor.strides()[i] != expected) {
                return false;
            }
            expected *= tensor.shape()[i];
        }
        return true;
    }

    private ByteBuffer copy(TorchValues.Tensor tensor, ByteBuffer bytes, int elements) {
        var view = new View(
                tensor.storage(),
                tensor.offset(),
                Arrays.stream(tensor.shape()).boxed().toList(),
                Arrays.stream(tensor.strides()).boxed().toList());
        var known = copies.get(view);
        if (known != null) {
            return known;
        }
        int size = tensor.storage().dtype().bytes();
        copyBudget -= (long) elements * size;
        faults.require(
                copyBudget >= 0, "its tensors repeat the same bytes over and over: it is made to exhaust memory");
        var copy = ByteBuffer.allocateDirect(elements * size).order(ByteOrder.LITTLE_ENDIAN);
        var index = new long[tensor.shape().length];
        long at = tensor.offset();
        for (int i = 0; i < elements; i++) {
            copy.put(i * size, bytes, (int) at * size, size);
            // The last dimension that has not run out moves on by its stride; those behind it start again.
            for (int d = index.length - 1; d >= 0; d--) {
                at += tensor.strides()[d];
                if (++index[d] < tensor.shape()[d]) {
                    break;
                }
                at -= tensor.strides()[d] * tensor.shape()[d];
                index[d] = 0;
            }
        }
        copies.put(view, copy);
        return copy;
    }
}
