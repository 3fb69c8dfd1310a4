package dev.vitrail.weights.torch;

import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.FormatErrors;
import dev.vitrail.weights.Shapes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The complete list of what a PyTorch pickle may name here, and what each name makes.
 *
 * <p>Weights are made of {@code collections.OrderedDict}, the typed storages, {@code torch.dtype}s, {@code torch.Size}
 * and torch's functions that put tensors together. Besides, published checkpoints carry other values next to the
 * weights: the settings of a command line ({@code argparse.Namespace} in the DeiT line of repositories,
 * {@code yacs.config.CfgNode} in Swin's), the counters of a schedule, numpy's numbers, paths, dates. Such a name makes
 * an inert {@link DataHolder}: the attributes that the file records for it become a plain map, its arguments are
 * dropped, and no code of its class exists here. Among weights such a value is refused. The list follows what torch's
 * own strict reader ({@code weights_only}) takes, by default or once it is allowed, as far as it is data. Every other
 * name is refused, whatever it is.
 */
final class TorchValues implements PickleMachine.Host {
    /** A storage's declaration: the bytes themselves lie elsewhere in the file. */
    record Storage(String key, DType dtype, long elements) {}

    /** A strided view of a storage, not yet checked against it. */
    @SuppressWarnings("ArrayRecordComponent") // read by this package alone; never compared, never changed
    record Tensor(Storage storage, long offset, long[] shape, long[] strides) {}

    /** The attributes of a class that only holds data. */
    record DataHolder(String type, PickleValues.Dict attributes) {
        /** Returns whether it is a training's settings, which some save between their tensors. */
        boolean settings() {
            return HOLDERS.contains(type);
        }
    }

    private static final Map<String, DType> STORAGES = Map.ofEntries(
            Map.entry("torch.DoubleStorage", DType.F64),
            Map.entry("torch.FloatStorage", DType.F32),
            Map.entry("torch.HalfStorage", DType.F16),
            Map.entry("torch.BFloat16Storage", DType.BF16),
            Map.entry("torch.LongStorage", DType.I64),
            Map.entry("torch.IntStorage", DType.I32),
            Map.entry("torch.ShortStorage", DType.I16),
            Map.entry("torch.CharStorage", DType.I8),
            Map.entry("torch.ByteStorage", DType.U8),
            Map.entry("torch.BoolStorage", DType.BOOL),
            Map.entry("torch.storage.UntypedStorage", DType.U8),
            Map.entry("torch.UntypedStorage", DType.U8));

    private static final Set<String> DTYPES = Set.of(
            "torch.float64",
            "torch.float32",
            "torch.float16",
            "torch.bfloat16",
            "torch.int64",
            "torch.int32",
            "torch.int16",
            "torch.int8",
            "torch.uint8",
            "torch.bool",
            "torch.uint16",
            "torch.uint32",
            "torch.uint64",
            "torch.float8_e4m3fn",
            "torch.float8_e5m2",
            "torch.complex64",
            "torch.complex128");

    private static final Set<String> PYTHON_TYPES = Set.of(
            "set",
            "frozenset",
            "bytearray",
            "bytes",
            "complex",
            "slice",
            "range",
            "dict",
            "list",
            "tuple",
            "int",
            "long",
            "float",
            "bool",
            "str",
            "unicode");

    private static final Set<String> PATHS =
            Set.of("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath");

    private static final Set<String> NUMPY_TYPES = Set.of(
            "dtype",
            "ndarray",
            "bool_",
            "bool",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "intc",
            "longlong",
            "float16",
            "float32",
            "float64",
            "longdouble",
            "complex64",
            "complex128",
            "str_",
            "bytes_",
            "datetime64",
            "timedelta64");

    private static final Set<String> TORCH_TYPES = Set.of(
            "device",
            "Generator",
            "Tensor",
            "strided",
            "sparse_coo",
            "per_tensor_affine",
            "contiguous_format",
            "channels_last",
            "preserve_format");

    private static final Set<String> HOLDERS = Set.of("argparse.Namespace", "yacs.config.CfgNode");

    /** Data types whose values are kept without content, by module. */
    private static final Map<String, Set<String>> INERT = Map.ofEntries(
            Map.entry("collections", Set.of("Counter", "defaultdict", "deque")),
            Map.entry("builtins", PYTHON_TYPES),
            Map.entry("__builtin__", PYTHON_TYPES),
            Map.entry("_codecs", Set.of("encode")), // how protocol 2 writes bytes
            Map.entry("argparse", Set.of("Namespace")),
            Map.entry("types", Set.of("SimpleNamespace")),
            Map.entry("datetime", Set.of("datetime", "date", "time", "timedelta", "timezone")),
            Map.entry("pathlib", PATHS),
            Map.entry("pathlib._local", PATHS),
            Map.entry("uuid", Set.of("UUID")),
            Map.entry("easydict", Set.of("EasyDict")),
            Map.entry("omegaconf.dictconfig", Set.of("DictConfig")),
            Map.entry("omegaconf.listconfig", Set.of("ListConfig")),
            Map.entry("omegaconf.base", Set.of("Metadata", "ContainerMetadata")),
            Map.entry("omegaconf.nodes", Set.of("AnyNode")),
            Map.entry("typing", Set.of("Any")),
            Map.entry("pytorch_lightning.utilities.parsing", Set.of("AttributeDict")),
            Map.entry("lightning_fabric.utilities.data", Set.of("AttributeDict")),
            Map.entry("lightning.fabric.utilities.data", Set.of("AttributeDict")),
            Map.entry("numpy", NUMPY_TYPES),
            Map.entry("numpy.core.multiarray", Set.of("scalar", "_reconstruct")),
            Map.entry("numpy._core.multiarray", Set.of("scalar", "_reconstruct")),
            Map.entry("numpy.core.numeric", Set.of("_frombuffer")),
            Map.entry("numpy._core.numeric", Set.of("_frombuffer")),
            Map.entry("torch", TORCH_TYPES),
            Map.entry("torch._C", Set.of("Generator")),
            Map.entry("torch.nn.parameter", Set.of("Parameter")),
            Map.entry("torch.serialization", Set.of("_get_layout")),
            Map.entry("torch.torch_version", Set.of("TorchVersion")));

    private static boolean isInert(PickleValues.Global global) {
        return INERT.getOrDefault(global.module(), Set.of()).contains(global.name())
                || (global.module().equals("numpy.dtypes") && global.name().matches("[A-Za-z0-9]+DType"));
    }

    private final String source;
    private final FormatErrors faults;
    private final Map<String, Function<List<Object>, Object>> callables;

    /** @param source what to call the file in a sentence */
    TorchValues(String source) {
        this.source = source;
        this.faults = new FormatErrors(source + " is not a sound PyTorch file");
        this.callables = Map.of(
                "collections.OrderedDict", this::orderedDict,
                "torch.Size", this::size,
                "torch._utils._rebuild_tensor_v2", this::rebuildTensor,
                "torch._utils._rebuild_parameter", this::rebuildParameter,
                "torch._utils._rebuild_parameter_with_state", this::rebuildParameter,
                "torch._tensor._rebuild_from_type_v2", this::rebuildFromType);
    }

    @Override
    public Object global(PickleValues.Global global) {
        String name = global.toString();
        boolean known = callables.containsKey(name)
                || STORAGES.containsKey(name)
                || DTYPES.contains(name)
                || HOLDERS.contains(name)
                || isInert(global);
        if (!known) {
            throw VitrailException.of(
                    "%s contains %s, which is neither a tensor nor a plain value; nothing in a weights file is ever"
                            + " executed, so save the state_dict alone (best as safetensors) and load that",
                    source, FormatErrors.printable(name));
        }
        return global;
    }

    @Override
    public Object call(Object callable, List<Object> arguments) {
        // Of a file's values only names are ever made text: a few bytes make a list whose text would not end.
        if (callable instanceof PickleValues.Global global) {
            String name = global.toString();
            var known = callables.get(name);
            if (known != null) {
                return known.apply(arguments);
            }
            if (HOLDERS.contains(name) || isInert(global)) {
                return new DataHolder(name, new PickleValues.Dict());
            }
        }
        throw faults.of("it calls something that cannot be called");
    }

    /** {@code ("storage", class, key, device, elements)}; the legacy format adds a view, which is None since 2017. */
    @Override
    public Storage persistent(Object id) {
        var items = id instanceof PickleValues.Tuple tuple ? tuple.items : List.of();
        faults.require(items.size() >= 5 && "storage".equals(items.get(0)), "a persistent id in it is no storage");
        faults.require(
                items.size() == 5 || (items.size() == 6 && items.get(5) == PickleValues.None.NONE),
                "a storage in it is a view of another, a form that has not been written since 2017");
        var dtype = items.get(1) instanceof PickleValues.Global global ? STORAGES.get(global.toString()) : null;
        if (dtype == null) {
            throw faults.of("a storage in it has no element type");
        }
        faults.require(items.get(2) instanceof String, "a storage in it has no name");
        long elements = nonNegative(items.get(4), "the size of a storage");
        Shapes.bytes(elements, dtype.bytes(), "a storage in " + source);
        return new Storage((String) items.get(2), dtype, elements);
    }

    private Object orderedDict(List<Object> arguments) {
        var dict = new PickleValues.Dict();
        for (var pair : arguments.isEmpty() ? List.of() : list(arguments.get(0))) {
            var items = list(pair);
            faults.require(items.size() == 2 && items.get(0) instanceof String, "an OrderedDict in it holds no pairs");
            dict.items.put(items.get(0), items.get(1));
        }
        return dict;
    }

    private Object size(List<Object> arguments) {
        faults.require(arguments.size() == 1, "torch.Size needs one argument");
        return new PickleValues.Tuple(list(arguments.get(0)));
    }

    /**
     * Arguments: storage, offset, shape, strides, requires_grad, hooks and perhaps metadata; the last are of no use.
     */
    private Object rebuildTensor(List<Object> arguments) {
        faults.require(
                arguments.size() >= 4 && arguments.get(0) instanceof Storage,
                "a tensor in it has no storage, offset, shape and strides");
        var storage = (Storage) arguments.get(0);
        long offset = nonNegative(arguments.get(1), "the offset of a tensor");
        var tensor = new Tensor(storage, offset, longs(arguments.get(2)), longs(arguments.get(3)));
        requireInside(tensor);
        return tensor;
    }

    private Object rebuildParameter(List<Object> arguments) {
        faults.require(!arguments.isEmpty() && arguments.get(0) instanceof Tensor, "a parameter in it is no tensor");
        return arguments.get(0);
    }

    /**
     * A tensor with attributes of its own: the function that makes it, its class, the function's arguments
     * and the attributes.
     */
    private Object rebuildFromType(List<Object> arguments) {
        faults.require(
                arguments.size() >= 3 && arguments.get(0) instanceof PickleValues.Global,
                "a tensor in it has no function that makes it");
        return switch (arguments.get(0).toString()) {
            case "torch._utils._rebuild_tensor_v2" -> rebuildTensor(list(arguments.get(2)));
            case "torch._utils._rebuild_parameter" -> rebuildParameter(list(arguments.get(2)));
            default -> throw faults.of("a tensor in it is made by an unknown function");
        };
    }

    /** A view may neither leave its storage nor, by repeating elements, be larger than it. */
    private void requireInside(Tensor tensor) {
        var storage = tensor.storage();
        faults.require(
                tensor.shape().length == tensor.strides().length, "a tensor in it has not one stride per dimension");
        long elements = Shapes.elements(tensor.shape(), "a tensor in " + source);
        faults.require(
                elements <= storage.elements(),
                "a tensor in it has %d elements over a storage of %d",
                elements,
                storage.elements());
        try {
            long last = tensor.offset();
            for (int i = 0; i < tensor.shape().length && elements > 0; i++) {
                last = Math.addExact(last, Math.multiplyExact(tensor.shape()[i] - 1, tensor.strides()[i]));
            }
            faults.require(
                    elements == 0 || last < storage.elements(),
                    "a tensor in it reaches element %d of a storage of %d",
                    last,
                    storage.elements());
        } catch (ArithmeticException e) {
            throw faults.of(e, "a tensor's strides exceed 64 bits");
        }
    }

    private long[] longs(Object value) {
        var items = list(value);
        faults.require(items.size() <= Shapes.MAX_DIMENSIONS, "a tensor in it has %d dimensions", items.size());
        return items.stream()
                .mapToLong(item -> nonNegative(item, "a shape or stride"))
                .toArray();
    }

    private long nonNegative(Object value, String what) {
        if (value instanceof Long number && number >= 0) {
            return number;
        }
        throw faults.of("%s in it is no non-negative 64-bit integer", what);
    }

    private List<Object> list(Object value) {
        if (value instanceof PickleValues.Tuple tuple) {
            return tuple.items;
        }
        if (value instanceof ArrayList<?> list) {
            return List.copyOf(list);
        }
        throw faults.of("a value in it is no sequence");
    }
}
