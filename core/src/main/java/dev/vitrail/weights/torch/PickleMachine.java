package dev.vitrail.weights.torch;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.Allowance;
import dev.vitrail.weights.FormatErrors;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A stack machine for Python's pickle, protocols 0 to 5, that can build plain values and nothing else.
 *
 * <p>A pickle is a program. Python's machine runs it by importing what it names and calling it; this one hands every
 * name and every call to a {@link Host}, which knows a fixed list and refuses the rest, so that there is no class to
 * look up and nothing to execute. It does not recurse, and each instruction adds at most one value to the stack, so
 * time grows with the bytes of the pickle and with nothing they claim. A byte of a pickle can become a hundred in
 * memory, and a deflated byte a hundred thousand: so memory is bounded by an {@link Allowance}.
 *
 * @see <a href="https://docs.python.org/3/library/pickletools.html">the instructions, as Python's pickletools lists
 *     them</a>
 */
final class PickleMachine {
    /** The few decisions that depend on what the pickle is for. */
    interface Host {
        /** Value that stands for a class or function that a pickle names; throws if it may not. */
        Object global(PickleValues.Global global);

        /** The result of calling {@code callable}, as far as it is known. */
        Object call(Object callable, List<Object> arguments);

        /** The object that stands for a persistent id, such as a tensor's storage. */
        Object persistent(Object id);
    }

    /** Limit on the values that are copied from one container to another, for each byte of the pickle. */
    private static final long WORK_PER_BYTE = 16;

    private static final String SUSPECT = " is not a sound PyTorch file";

    private static final Object MARK = new Object();

    /**
     * Bytes on the heap, by estimate: a small value and its place on the stack, a map or list without items, an item,
     * a kept value.
     */
    private static final int VALUE_BYTES = 40;

    private static final int CONTAINER_BYTES = 96;
    private static final int ENTRY_BYTES = 80;
    private static final int ITEM_BYTES = 8;
    private static final int MEMO_BYTES = 80;

    private final PickleInput in;
    private final FormatErrors faults;
    private final Host host;
    private final Allowance allowance;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();
    private long work;

    private PickleMachine(ByteBuffer in, String source, Host host, Allowance allowance) {
        this.in = new PickleInput(in, new FormatErrors(source + SUSPECT), allowance);
        this.allowance = allowance;
        this.faults = new FormatErrors(source + SUSPECT);
        this.work = WORK_PER_BYTE * in.remaining();
        this.host = host;
    }

    /**
     * Runs one pickle and leaves {@code in} just behind it.
     *
     * @param allowance what its values may take in memory
     * @throws VitrailException if the pickle is damaged or the host refuses something in it
     */
    static Object run(ByteBuffer in, String source, Host host, Allowance allowance) {
        in.order(ByteOrder.LITTLE_ENDIAN);
        return new PickleMachine(in, source, host, allowance).run();
    }

    private Object run() {
        while (true) {
            int opcode = Byte.toUnsignedInt(in.bytes(1).get());
            if (opcode == '.') {
                return pop();
            }
            if (!value(opcode) && !container(opcode)) {
                special(opcode);
            }
        }
    }

    /** Instructions that push a plain value. */
    private boolean value(int opcode) {
        switch (opcode) {
            case 'N' -> push(PickleValues.None.NONE);
            case 0x88 -> push(true);
            case 0x89 -> push(false);
            case 'J' -> push((long) in.bytes(4).getInt());
            case 'K' -> push(in.unsignedByte());
            case 'M' -> push((long) Short.toUnsignedInt(in.bytes(2).getShort()));
            case 'I' -> push(in.decimalOrBoolean(in.line()));
            case 'L' -> push(in.decimal(in.line().replaceFirst("L$", "")));
            case 0x8a -> push(in.integer(in.unsignedByte()));
            case 0x8b -> push(in.integer(in.length4()));
            case 'F' -> push(in.floating(in.line()));
            case 'G' -> push(in.bytes(8).order(ByteOrder.BIG_ENDIAN).getDouble());
            case 'S' -> push(in.quoted(in.line()));
            case 'V' -> push(in.line());
            case 'T' -> push(in.latin(in.length4()));
            case 'U' -> push(in.latin(in.unsignedByte()));
            case 'X' -> push(in.utf8(in.length4()));
            case 0x8c -> push(in.utf8(in.unsignedByte()));
            case 0x8d -> push(in.utf8(in.length8()));
            case 'B' -> push(in.raw(in.length4()));
            case 'C' -> push(in.raw(in.unsignedByte()));
            case 0x8e, 0x96 -> push(in.raw(in.length8()));
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Instructions that make or fill lists, tuples, dicts and sets. */
    private boolean container(int opcode) {
        switch (opcode) {
            case '(' -> push(MARK);
            case ')' -> push(new PickleValues.Tuple(List.of()));
            case 't' -> push(new PickleValues.Tuple(popToMark()));
            case 0x85 -> push(new PickleValues.Tuple(popLast(1)));
            case 0x86 -> push(new PickleValues.Tuple(popLast(2)));
            case 0x87 -> push(new PickleValues.Tuple(popLast(3)));
            case ']' -> push(new ArrayList<>());
            case 'l' -> push(popToMark());
            case 'a' -> append(popLast(1));
            case 'e' -> append(popToMark());
            case '}', 0x8f -> push(new PickleValues.Dict());
            case 'd' -> {
                var pairs = popToMark();
                push(new PickleValues.Dict());
                putAll(pairs);
            }
            case 's' -> putAll(popLast(2));
            case 'u' -> putAll(popToMark());
            case 0x90 -> addMembers(popToMark());
            case 0x91 -> {
                var members = popToMark();
                push(new PickleValues.Dict());
                addMembers(members);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Instructions that move values about, name things or call them. */
    private void special(int opcode) {
        switch (opcode) {
            case 0x80 -> {
                long protocol = in.unsignedByte();
                faults.require(protocol <= 5, "it uses pickle protocol %d; 0 to 5 are known", protocol);
            }
            case 0x95 -> in.length8();
            case '0' -> pop();
            case '1' -> popToMark();
            case '2' -> push(peek());
            case 'p' -> keep(in.index(in.line()));
            case 'q' -> keep((int) in.unsignedByte());
            case 'r' -> keep(in.bytes(4).getInt());
            case 0x94 -> keep(memo.size());
            case 'g' -> recall(in.index(in.line()));
            case 'h' -> recall((int) in.unsignedByte());
            case 'j' -> recall(in.bytes(4).getInt());
            case 'c' -> {
                String module = in.line();
                push(host.global(new PickleValues.Global(module, in.line())));
            }
            case 0x93 -> {
                var names = popLast(2);
                push(host.global(new PickleValues.Global(string(names.get(0)), string(names.get(1)))));
            }
            case 'i' -> {
                String module = in.line();
                var callable = host.global(new PickleValues.Global(module, in.line()));
                push(call(callable, popToMark()));
            }
            case 'o' -> {
                var items = popToMark();
                faults.require(!items.isEmpty(), "it makes an object of no class");
                push(call(items.get(0), items.subList(1, items.size())));
            }
            case 'R', 0x81 -> {
                var items = popLast(2);
                push(call(items.get(0), tuple(items.get(1)).items));
            }
            case 0x92 -> {
                var items = popLast(3);
                faults.require(
                        items.get(2) instanceof PickleValues.Dict keywords && keywords.items.isEmpty(),
                        "it passes arguments by name");
                push(call(items.get(0), tuple(items.get(1)).items));
            }
            case 'b' -> build(pop());
            case 'P' -> push(host.persistent(in.line()));
            case 'Q' -> push(host.persistent(pop()));
            default -> throw faults.of("it has the unknown or unsupported instruction 0x%02x", opcode);
        }
    }

    /** Attributes: those of a data holder become its entries, those of anything else are of no use here. */
    private void build(Object state) {
        faults.require(peek() != MARK, "it gives a state to nothing");
        if (peek() instanceof TorchValues.DataHolder holder && state instanceof PickleValues.Dict attributes) {
            spend(attributes.items.size());
            holder.attributes().items.putAll(attributes.items);
            grown(holder.attributes());
        }
    }

    private void append(List<Object> items) {
        allowance.charge((long) ITEM_BYTES * items.size());
        if (peek() instanceof TorchValues.DataHolder) {
            return; // a deque's items are of no use here
        }
        if (!(peek() instanceof ArrayList<?>)) {
            throw faults.of("it appends to something that is no list");
        }
        @SuppressWarnings("unchecked") // every ArrayList on the stack was made by this machine
        var list = (ArrayList<Object>) peek();
        list.addAll(items);
    }

    private void putAll(List<Object> pairs) {
        faults.require(pairs.size() % 2 == 0, "a key has no value");
        var target = dict(peek());
        for (int i = 0; i < pairs.size(); i += 2) {
            target.items.put(key(pairs.get(i)), pairs.get(i + 1));
        }
        grown(target);
    }

    private void addMembers(List<Object> members) {
        var set = dict(peek());
        members.forEach(member -> set.items.put(key(member), true));
        grown(set);
    }

    /** Charges what a dict has more than when it was last looked at. */
    private void grown(PickleValues.Dict dict) {
        allowance.charge((long) ENTRY_BYTES * Math.max(0, dict.items.size() - dict.charged));
        dict.charged = Math.max(dict.charged, dict.items.size());
    }

    private PickleValues.Dict dict(Object value) {
        if (value instanceof PickleValues.Dict dict) {
            return dict;
        }
        if (value instanceof TorchValues.DataHolder holder) {
            return holder.attributes();
        }
        throw faults.of("it sets entries of something that is no dict");
    }

    /** Keys are compared by value where Python would, by identity where a comparison could be made to cost too much. */
    private Object key(Object key) {
        faults.require(
                key instanceof String
                        || key instanceof Number
                        || key instanceof Boolean
                        || key instanceof PickleValues.None
                        || key instanceof PickleValues.Tuple
                        || key instanceof PickleValues.Bytes
                        || key instanceof PickleValues.Global
                        || key instanceof TorchValues.DataHolder,
                "it has a key that is no plain value");
        return key;
    }

    /** Calls through the host, which may walk over the arguments' items: a short pickle must not make that long. */
    private Object call(Object callable, List<Object> arguments) {
        for (var argument : arguments.subList(0, Math.min(arguments.size(), 8))) {
            if (argument instanceof PickleValues.Tuple tuple) {
                spend(tuple.items.size());
            } else if (argument instanceof ArrayList<?> list) {
                spend(list.size());
            }
        }
        return host.call(callable, arguments);
    }

    private void spend(int items) {
        work -= items;
        faults.require(work >= 0, "it copies the same values over and over: it is made to exhaust memory");
    }

    private PickleValues.Tuple tuple(Object value) {
        if (value instanceof PickleValues.Tuple tuple) {
            return tuple;
        }
        throw faults.of("it passes something that is no tuple as arguments");
    }

    private String string(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw faults.of("it names a class by something that is no text");
    }

    private void push(Object value) {
        boolean large = value instanceof PickleValues.Dict
                || value instanceof PickleValues.Tuple
                || value instanceof TorchValues.DataHolder
                || value instanceof List;
        allowance.charge(large ? CONTAINER_BYTES : VALUE_BYTES);
        stack.add(value);
    }

    /** Keeps the value on top of the stack under a number. */
    private void keep(int index) {
        if (memo.put(index, peek()) == null) {
            allowance.charge(MEMO_BYTES);
        }
    }

    private Object peek() {
        faults.require(!stack.isEmpty(), "it takes from an empty stack");
        return stack.get(stack.size() - 1);
    }

    private Object pop() {
        var top = peek();
        faults.require(top != MARK, "it takes a mark for a value");
        stack.remove(stack.size() - 1);
        return top;
    }

    private List<Object> popLast(int count) {
        faults.require(stack.size() >= count, "it takes from an empty stack");
        return popFrom(stack.size() - count);
    }

    private List<Object> popToMark() {
        int mark = stack.lastIndexOf(MARK);
        faults.require(mark >= 0, "it misses a mark");
        var items = popFrom(mark + 1);
        stack.remove(mark);
        return items;
    }

    private List<Object> popFrom(int from) {
        var tail = stack.subList(from, stack.size());
        allowance.charge(2L * ITEM_BYTES * tail.size());
        var items = new ArrayList<>(tail);
        faults.require(!items.contains(MARK), "it takes a mark for a value");
        tail.clear();
        return items;
    }

    private void recall(int index) {
        var value = memo.get(index);
        if (value == null) {
            throw faults.of("it recalls value %d, which it never kept", index);
        }
        push(value);
    }
}
