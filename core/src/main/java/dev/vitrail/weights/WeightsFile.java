package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.torch.TorchFile;
import dev.vitrail.weights.torch.TorchLegacy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** Weights in whatever format they come: a file is recognised by its content, never by its name. */
public final class WeightsFile {
    /**
     * File names in a folder, in the order of preference: what is safest and quickest to read comes first, as timm has
     * it.
     */
    private static final List<String> PREFERRED = List.of(
            "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json");

    private static final List<String> TORCH_ENDINGS = List.of(".pth", ".pt", ".pth.tar");

    /** Endings of the names of weights files; only to tell what a name that is no file was meant to be. */
    private static final List<String> ENDINGS =
            List.of(".safetensors", ".pth", ".pt", ".pth.tar", ".bin", ".npz", ".ckpt", ".json");

    private WeightsFile() {}

    /**
     * Returns whether {@code name} is meant to be a file, as its ending says, and not a model that the hub might have.
     */
    public static boolean isMeantBy(String name) {
        return ENDINGS.stream().anyMatch(name::endsWith);
    }

    /** The weights as trained, where the file has them; same as {@code read(path, false)}. */
    public static StateDict read(Path path) {
        return read(path, false);
    }

    /**
     * The weights at {@code path}: a safetensors, PyTorch or .npz file, an index of sharded weights, or a folder that
     * holds one of {@code model.safetensors}, {@code model.safetensors.index.json}, {@code pytorch_model.bin}, its
     * index or a single PyTorch file.
     *
     * @param preferEma whether to take the averaged weights where a PyTorch file has both; {@link StateDict#averaged()}
     *     tells which were taken
     * @throws VitrailException if there is nothing of that kind, or it is damaged
     */
    public static StateDict read(Path path, boolean preferEma) {
        VitrailException.require(Files.exists(path), "%s does not exist; expected a weights file or a folder", path);
        if (Files.isDirectory(path)) {
            return read(inFolder(path), preferEma);
        }
        var name = path.getFileName();
        if (name != null && name.toString().endsWith(ShardedIndex.SUFFIX)) {
            return ShardedIndex.read(path).load();
        }
        return readSingle(path, preferEma);
    }

    /** The weights by timm's names where they have those of the transformers library, and as they are where not. */
    public static StateDict inTimmsNames(StateDict state) {
        return TransformersNames.inOurs(state);
    }

    /** The file that holds the weights of a folder, or the index of its several files. */
    static Path inFolder(Path folder) {
        for (String name : PREFERRED) {
            if (Files.isRegularFile(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        try (var files = Files.list(folder)) {
            var candidates = files.filter(file -> TORCH_ENDINGS.stream()
                            .anyMatch(ending -> nameOf(file).endsWith(ending)))
                    .sorted()
                    .toList();
            VitrailException.require(
                    candidates.size() < 2,
                    "%s holds several weights files (%s): name the one to read",
                    folder,
                    candidates.stream().map(WeightsFile::nameOf).toList());
            return candidates.stream()
                    .findFirst()
                    .orElseThrow(() -> VitrailException.of(
                            "%s holds no weights; expected one of %s or a single .pth file", folder, PREFERRED));
        } catch (IOException e) {
            throw ByteSource.unreadable(folder, e);
        }
    }

    static StateDict readSingle(Path file, boolean preferEma) {
        return Allowance.guarded(file, () -> unguarded(file, preferEma));
    }

    private static StateDict unguarded(Path file, boolean preferEma) {
        var source = ByteSource.of(file);
        if (ZipEntries.looksLikeZip(source)) {
            boolean arrays = ZipEntries.of(source).names().stream().allMatch(name -> name.endsWith(".npy"));
            return arrays ? NpzFile.read(source) : TorchFile.read(source, preferEma);
        }
        if (TorchLegacy.looksLegacy(source)) {
            return TorchFile.read(source, preferEma);
        }
        if (source.size() >= 9 && source.slice(8, 1).get() == '{') {
            return Safetensors.read(source);
        }
        throw VitrailException.of(
                "%s is in no known format (it begins with %s); expected safetensors, PyTorch (.pth, .bin) or .npz%s",
                file, firstBytes(source), hint(source));
    }

    private static String firstBytes(ByteSource source) {
        var text = new StringBuilder(source.size() == 0 ? "nothing: it is empty" : "the bytes");
        var bytes = source.slice(0, Math.min(8, source.size()));
        while (bytes.hasRemaining()) {
            text.append(" %02x".formatted(bytes.get()));
        }
        return text.toString();
    }

    /**
     * Descriptions of files that are no weights files, by their first bytes in hexadecimal, and what to do with them.
     */
    private static final Map<String, String> OTHERS = Map.of(
            "76657273696f6e", "it is the pointer that Git LFS leaves in place of a file, so fetch the file itself",
            "1f8b", "it is packed by gzip: unpack it (gunzip, or tar -xzf for a .tar.gz) and name what was in it",
            "fd377a585a00", "it is packed by xz: unpack it (unxz, or tar -xJf for a .tar.xz) and name what was in it",
            "425a68", "it is packed by bzip2: unpack it and name what was in it",
            "28b52ffd", "it is packed by zstd: unpack it and name what was in it",
            "377abcaf271c", "it is a 7z archive: unpack it and name what was in it",
            "894844460d0a1a0a", "it is an HDF5 file, as Keras writes them: convert it to safetensors",
            "47475546", "it is a GGUF file: convert it to safetensors",
            "3c", "it looks like a web page: the download may have given an error or a sign-in page");

    /** Offset of a tar archive's mark. */
    private static final int TAR = 257;

    private static String hint(ByteSource source) {
        var head = source.slice(0, Math.min(16, source.size()));
        var bytes = new byte[head.remaining()];
        head.get(bytes);
        var hex = HexFormat.of().formatHex(bytes);
        if (source.size() >= TAR + 5
                && source.slice(TAR, 5).equals(ByteBuffer.wrap("ustar".getBytes(StandardCharsets.US_ASCII)))) {
            return "; it is a tar archive: unpack it (tar -xf) and name what was in it";
        }
        return OTHERS.entrySet().stream()
                .filter(other -> hex.startsWith(other.getKey()))
                .findFirst()
                .map(other -> "; " + other.getValue())
                .orElse(
                        bytes.length > 1 && bytes[0] == (byte) 0x80 && bytes[1] <= 5 && bytes[1] >= 2
                                ? "; it is a plain pickle, which torch.save did not write: load it where it was made"
                                        + " and save the state_dict as safetensors"
                                : "");
    }

    private static String nameOf(Path file) {
        return String.valueOf(file.getFileName());
    }
}
