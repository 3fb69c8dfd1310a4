package dev.vitrail.engine;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;

/**
 * Collective operations of several processes on tensors, by libtorch's Gloo backend ({@code c10d::ProcessGroupGloo})
 * over TCP.
 *
 * <p>All processes must call the same operations in the same order, with tensors of the same type and number of
 * elements. Tensors lie in the memory of the CPU and are contiguous. With a fixed number of processes the result is the
 * same to the last bit, in all processes and whenever it is computed again.
 *
 * <p>An operation is begun and awaited later; Gloo's own threads carry it out meanwhile. What goes wrong there is told
 * to the caller that awaits it.
 */
public final class Collectives implements AutoCloseable {
    /** Gloo's threads: one sends while another adds up. */
    private static final int THREADS = 2;

    private final ProcessGroupGloo handle;

    private Collectives(ProcessGroupGloo handle) {
        this.handle = handle;
    }

    /**
     * Connects this process with all others; returns when all are connected.
     *
     * @param rank this process's number, from 0
     * @param size number of processes
     * @param host address of this machine that the others reach it by
     * @param networkInterface name of the network interface to use instead of {@code host}
     * @param timeout of connecting, and of every operation
     */
    public static Collectives open(
            CollectiveStore store,
            int rank,
            int size,
            String host,
            Optional<String> networkInterface,
            Duration timeout) {
        return Frame.compute(() -> {
            var options = ProcessGroupGloo.Options.create(new Milliseconds(timeout.toMillis()))
                    .threads(THREADS);
            options.devices()
                    .push_back(networkInterface
                            .map(ProcessGroupGloo::createDeviceForInterface)
                            .orElseGet(() -> ProcessGroupGloo.createDeviceForHostname(host)));
            var group = NativeMessages.withoutOutput(() -> new ProcessGroupGloo(store.handle, rank, size, options));
            group.retainReference();
            return new Collectives(group);
        });
    }

    /** An operation that was begun. */
    public static final class Pending {
        private final Work work;
        private final Tensor tensor;
        private boolean released;

        private Pending(Work work, Tensor tensor) {
            this.work = work;
            this.tensor = tensor;
            work.retainReference();
        }

        /**
         * Waits for the result, which is then in the tensor that was given.
         *
         * @return whether it is there; false after {@code atMost} without it
         * @throws IllegalStateException if the operation failed, as where another process has ended
         */
        public boolean await(Duration atMost) {
            if (released) {
                return true;
            }
            if (!work.isCompleted() && !completedWithin(atMost)) {
                return false;
            }
            try {
                Frame.run(work::_wait);
            } catch (RuntimeException e) {
                throw new IllegalStateException(CollectiveStore.firstLine(e), e);
            } finally {
                release();
            }
            return true;
        }

        /** Gloo says by an exception that time is up, and by one that the operation failed. */
        private boolean completedWithin(Duration atMost) {
            try {
                Frame.run(() -> work._wait(new Milliseconds(atMost.toMillis())));
                return true;
            } catch (RuntimeException e) {
                return work.isCompleted();
            }
        }

        private void release() {
            released = true;
            work.releaseReference();
            tensor.release();
        }
    }

    /** Begins to replace the elements by their sums over all processes. */
    public Pending sum(Tensor tensor) {
        return begin(tensor, vector -> handle.allreduce(vector));
    }

    /** Begins to replace the elements by those of process {@code root}. */
    public Pending broadcast(Tensor tensor, int root) {
        return begin(tensor, vector -> handle.broadcast(vector, new BroadcastOptions().rootRank(root)));
    }

    private static Pending begin(Tensor tensor, Function<TensorVector, Work> operation) {
        return Frame.compute(() -> new Pending(operation.apply(new TensorVector(tensor.handle)), tensor.keep()));
    }

    /** Ends the connections. An operation that is under way must have been awaited. */
    @Override
    public void close() {
        handle.releaseReference();
    }
}
