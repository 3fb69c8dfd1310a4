package dev.vitrail.weights.torch;

import dev.vitrail.weights.Allowance;
import dev.vitrail.weights.ByteSource;
import dev.vitrail.weights.FormatErrors;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code torch.save} before 1.6: five pickles (magic number, protocol, facts about the machine, the object, the keys of
 * its storages), then for each storage its number of elements in 8 bytes and its elements.
 *
 * @param root the fourth pickle's value
 * @param storages the storages by key
 */
public record TorchLegacy(Object root, TorchTensors.Storages storages) {
    /**
     * Magic number of the first pickle: LONG1 0x1950a86a20f9469cfc6c, STOP. The protocol comes before, and from 4 on a
     * frame.
     */
    private static final byte[] MAGIC = {
        (byte) 0x8a, 10, 0x6c, (byte) 0xfc, (byte) 0x9c, 0x46, (byte) 0xf9, 0x20, 0x6a, (byte) 0xa8, 0x50, 0x19, '.'
    };

    private static final byte FRAME = (byte) 0x95;

    private static final long PROTOCOL = 1001;

    /** The pickles describe the tensors; half a GiB of description is beyond any model. */
    private static final long MAX_PICKLES = 1L << 29;

    private record Place(long offset, long bytes) {}

    public static boolean looksLegacy(ByteSource source) {
        return start(source) >= 0;
    }

    /** The byte at which the second pickle begins; negative for another kind of file. */
    private static int start(ByteSource source) {
        var head = source.slice(0, Math.min(source.size(), 32));
        if (head.remaining() < 2 + MAGIC.length || head.get(0) != (byte) 0x80 || head.get(1) < 2 || head.get(1) > 5) {
            return -1;
        }
        int at = head.get(2) == FRAME ? 2 + 9 : 2;
        boolean there = head.remaining() >= at + MAGIC.length
                && head.slice(at, MAGIC.length).equals(ByteBuffer.wrap(MAGIC));
        return there ? at + MAGIC.length : -1;
    }

    static TorchLegacy read(ByteSource source) {
        return new Reader(source).read();
    }

    private static final class Reader {
        private final ByteSource source;
        private final FormatErrors faults;
        private final Map<String, TorchValues.Storage> declared = new HashMap<>();

        Reader(ByteSource source) {
            this.source = source;
            this.faults = new FormatErrors(source.name() + " is not a sound PyTorch file");
        }

        TorchLegacy read() {
            var in = source.slice(0, Math.min(source.size(), MAX_PICKLES));
            in.position(start(source));
            var allowance = Allowance.of(source);
            var values = new Collector(source.name());
            faults.require(
                    PickleMachine.run(in, source.name(), values, allowance) instanceof Long protocol
                            && protocol == PROTOCOL,
                    "it has another protocol than %d",
                    PROTOCOL);
            var machine = PickleMachine.run(in, source.name(), values, allowance);
            TorchFile.requireLittleEndian(
                    source,
                    machine instanceof PickleValues.Dict facts
                            && Boolean.TRUE.equals(facts.items.get("little_endian")));
            var root = PickleMachine.run(in, source.name(), values, allowance);
            if (!(PickleMachine.run(in, source.name(), values, allowance) instanceof ArrayList<?> keys)) {
                throw faults.of("the keys of its storages are no list");
            }
            var places = places(keys, in.position());
            var opened = new HashMap<String, ByteBuffer>();
            return new TorchLegacy(
                    root,
                    storage -> opened.computeIfAbsent(storage.key(), key -> {
                        var place = places.get(key);
                        if (place == null) {
                            throw faults.of("storage %s is missing", key);
                        }
                        return source.aligned(place.offset, place.bytes, Long.BYTES);
                    }));
        }

        private Map<String, Place> places(List<?> keys, long start) {
            var places = new HashMap<String, Place>();
            long at = start;
            for (var key : keys) {
                if (!(key instanceof String name)) {
                    throw faults.of("the name of a storage is no text");
                }
                var storage = declared.get(name);
                if (storage == null) {
                    throw faults.of("storage %s belongs to no tensor", name);
                }
                long elements = source.slice(at, 8).getLong();
                faults.require(
                        elements == storage.elements(),
                        "storage %s is declared with %d elements and stored with %d",
                        name,
                        storage.elements(),
                        elements);
                long bytes = elements * storage.dtype().bytes();
                faults.require(
                        bytes <= source.size() - at - 8,
                        "storage %s needs %d bytes, but %d are left: the file is cut short",
                        name,
                        bytes,
                        source.size() - at - 8);
                faults.require(
                        places.put(storage.key(), new Place(at + 8, bytes)) == null, "storage %s is there twice", name);
                at += 8 + bytes;
            }
            faults.require(at == source.size(), "%d bytes follow its last storage", source.size() - at);
            return places;
        }

        /** Remembers every storage that is declared, because only the declaration tells the size of an element. */
        private final class Collector implements PickleMachine.Host {
            private final TorchValues values;

            Collector(String source) {
                this.values = new TorchValues(source);
            }

            @Override
            public Object global(PickleValues.Global global) {
                return values.global(global);
            }

            @Override
            public Object call(Object callable, List<Object> arguments) {
                return values.call(callable, arguments);
            }

            @Override
            public Object persistent(Object id) {
                var storage = values.persistent(id);
                var before = declared.put(storage.key(), storage);
                faults.require(
                        before == null || before.equals(storage), "storage %s is declared in two ways", storage.key());
                return storage;
            }
        }
    }
}
