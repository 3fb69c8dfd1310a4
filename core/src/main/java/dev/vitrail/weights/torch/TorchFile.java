package dev.vitrail.weights.torch;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.Allowance;
import dev.vitrail.weights.ByteSource;
import dev.vitrail.weights.FormatErrors;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.StoredTensor;
import dev.vitrail.weights.ZipEntries;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * PyTorch's {@code torch.save} files ({@code .pth}, {@code .pt}, {@code .bin}): the zip container of 1.6 and later, and
 * the stream of pickles that came before.
 *
 * <p>Reading never executes anything: see {@link TorchValues} for the complete list of names a file may contain.
 * Checkpoints nest their weights, and {@link Nest} finds them. A leading {@code module.}, the mark of a data-parallel
 * wrapper, is removed from names.
 */
public final class TorchFile {
    private static final Logger LOG = LoggerFactory.getLogger(TorchFile.class);

    private static final String PICKLE = "data.pkl";

    /** Prefix that a data-parallel wrapper puts before names. */
    private static final String DATA_PARALLEL = "module.";

    private TorchFile() {}

    /** The weights as trained, where the file has them; same as {@code read(file, false)}. */
    public static StateDict read(Path file) {
        return read(file, false);
    }

    /**
     * The weights of a PyTorch file. Contiguous tensors are views of the memory-mapped file.
     *
     * @param preferEma whether to take the averaged weights ({@code state_dict_ema}, {@code model_ema}) where the file
     *     has both; {@link StateDict#averaged()} tells which were taken
     * @throws VitrailException if the file is damaged, is of another format or contains anything but weights and plain
     *     values
     */
    public static StateDict read(Path file, boolean preferEma) {
        return read(ByteSource.of(file), preferEma);
    }

    /** Like {@link #read(Path, boolean)}, of bytes in memory; {@code name} is used in errors. */
    public static StateDict read(byte[] bytes, String name, boolean preferEma) {
        return read(ByteSource.of(bytes, name), preferEma);
    }

    public static StateDict read(ByteSource source, boolean preferEma) {
        return Allowance.guarded(source.name(), () -> unguarded(source, preferEma));
    }

    private static StateDict unguarded(ByteSource source, boolean preferEma) {
        if (ZipEntries.looksLikeZip(source)) {
            return readZip(source, ZipEntries.of(source), preferEma);
        }
        VitrailException.require(
                TorchLegacy.looksLegacy(source),
                "%s is not a PyTorch file: it begins neither as a zip archive nor with torch.save's magic number",
                source.name());
        var legacy = TorchLegacy.read(source);
        return stateDict(source, legacy.root(), legacy.storages(), preferEma);
    }

    private static StateDict readZip(ByteSource source, ZipEntries zip, boolean preferEma) {
        var pickles = zip.names().stream()
                .filter(name -> name.equals(PICKLE)
                        || (name.endsWith("/" + PICKLE) && name.indexOf('/') == name.lastIndexOf('/')))
                .toList();
        VitrailException.require(
                pickles.size() == 1,
                "%s is a zip archive but not a PyTorch file: expected one data.pkl in it, found %d",
                source.name(),
                pickles.size());
        String folder = pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
        VitrailException.require(
                !zip.names().contains(folder + "constants.pkl"),
                "%s is a TorchScript program; expected weights, so save the model's state_dict instead",
                source.name());
        if (zip.names().contains(folder + "byteorder")) {
            var order = StandardCharsets.US_ASCII
                    .decode(zip.content(folder + "byteorder", 1, false))
                    .toString();
            requireLittleEndian(source, order.strip().equals("little"));
        }
        var root = PickleMachine.run(
                zip.described(pickles.get(0)), source.name(), new TorchValues(source.name()), Allowance.of(source));
        var storages = new TorchTensors.Storages() {
            private final Map<String, ByteBuffer> opened = new LinkedHashMap<>();

            @Override
            public ByteBuffer bytes(TorchValues.Storage storage) {
                // Aligned for the widest element, because two tensors may read one storage as different types.
                return opened.computeIfAbsent(
                        storage.key(), key -> zip.content(folder + "data/" + key, Long.BYTES, false));
            }
        };
        return stateDict(source, root, storages, preferEma);
    }

    static void requireLittleEndian(ByteSource source, boolean little) {
        VitrailException.require(
                little,
                "%s was saved on a big-endian machine; only little-endian files are supported, so save it anew",
                source.name());
    }

    private static StateDict stateDict(
            ByteSource source, Object root, TorchTensors.Storages storages, boolean preferEma) {
        if (!(root instanceof PickleValues.Dict dict)) {
            throw VitrailException.of(
                    "%s does not hold a dict of tensors at its top; save the model's state_dict", source.name());
        }
        var found = Nest.search(dict, source.name(), preferEma)
                .orElseThrow(() -> VitrailException.of(
                        "%s holds no tensors where weights are looked for (state_dict, model, model_state_dict, module,"
                                + " net, …, or the top); its top holds %s",
                        source.name(),
                        dict.items.keySet().stream()
                                .limit(20)
                                .map(TorchFile::named)
                                .toList()));
        var factory = new TorchTensors(source, storages);
        var tensors = new ArrayList<StoredTensor>();
        var skipped = new ArrayList<String>();
        boolean wrapped = false;
        for (var entry : found.weights().items.entrySet()) {
            if (entry.getKey() instanceof String name && entry.getValue() instanceof TorchValues.Tensor tensor) {
                boolean parallel = name.startsWith(DATA_PARALLEL);
                wrapped |= parallel;
                tensors.add(factory.materialise(parallel ? name.substring(DATA_PARALLEL.length()) : name, tensor));
                continue;
            }
            if (entry.getValue() instanceof TorchValues.DataHolder holder && !holder.settings()) {
                throw VitrailException.of(
                        "%s holds %s under %s among its weights, where tensors alone are expected: save the state_dict"
                                + " alone (best as safetensors) and load that",
                        source.name(), holder.type(), named(entry.getKey()));
            }
            if (plainText(entry.getValue()).isEmpty()) {
                skipped.add(named(entry.getKey()));
            }
        }
        if (!skipped.isEmpty()) {
            LOG.info("{}: ignored {} entries that are no tensors: {}", source.name(), skipped.size(), skipped);
        }
        var notes = new ArrayList<String>();
        found.note().ifPresent(notes::add);
        if (wrapped) {
            notes.add("the prefix %s was taken off the names".formatted(DATA_PARALLEL));
        }
        return new StateDict(
                tensors, metadata(dict), source.name(), found.averaged(), architecture(dict), List.copyOf(notes));
    }

    private static String named(Object key) {
        return key instanceof String name ? FormatErrors.printable(name) : "a key that is no text";
    }

    /** Name of the model's architecture, at the top of the file or else among a training's settings. */
    private static Optional<String> architecture(PickleValues.Dict root) {
        return text(root, "arch")
                .or(() -> settings(root, "args")
                        .flatMap(args -> text(args, "arch").or(() -> text(args, "model"))))
                .or(() -> settings(root, "hyper_parameters")
                        .flatMap(args -> text(args, "arch").or(() -> text(args, "model_name"))));
    }

    private static Optional<PickleValues.Dict> settings(PickleValues.Dict root, String entry) {
        var value = root.items.get(entry);
        if (value instanceof TorchValues.DataHolder holder) {
            return Optional.of(holder.attributes());
        }
        return value instanceof PickleValues.Dict dict ? Optional.of(dict) : Optional.empty();
    }

    private static Optional<String> text(PickleValues.Dict dict, String key) {
        return dict.items.get(key) instanceof String text && text.length() < 200 ? Optional.of(text) : Optional.empty();
    }

    /** Plain values beside the weights, such as the epoch. */
    private static Map<String, String> metadata(PickleValues.Dict root) {
        var metadata = new LinkedHashMap<String, String>();
        root.items.forEach((key, value) -> {
            if (key instanceof String name) {
                plainText(value).ifPresent(text -> metadata.put(name, text));
            }
        });
        return metadata;
    }

    private static Optional<String> plainText(Object value) {
        boolean plain = value instanceof String || value instanceof Number || value instanceof Boolean;
        return plain ? Optional.of(value.toString()) : Optional.empty();
    }
}
