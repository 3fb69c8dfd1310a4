package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.IoReason;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Image files with labels, decoded whenever they are asked for. {@link ImageFolder} and
 * {@link LabelledFolder} find them.
 */
public final class ImageFiles implements Dataset {
    private static final Set<String> EXTENSIONS = Set.of(
            "jpg",
            "jpeg",
            "jpe",
            "jfif",
            "jfi",
            "jif",
            "pjpeg",
            "pjp",
            "jpg_large",
            "jpg-large",
            "png",
            "apng",
            "gif",
            "webp",
            "bmp",
            "dib",
            "tif",
            "tiff",
            "btf",
            "pbm",
            "pgm",
            "ppm",
            "pnm");

    /** Strings by their code points, as Python sorts; Java's own order differs beyond U+FFFF. */
    static final Comparator<String> BY_CODE_POINT = ImageFiles::compareCodePoints;

    private final Path root;
    private final List<Path> files;
    private final int[] labels;
    private final List<String> classes;
    private final DecodeOptions decoding;
    private final DataProblems faults;

    /**
     * @param root what names are relative to
     * @param labels for each file an index into {@code classes}, or {@link Dataset#NO_LABEL}
     */
    ImageFiles(Path root, List<Path> files, int[] labels, List<String> classes) {
        this(root, files, labels, classes, DataProblems.NONE);
    }

    /** @param faults what else lies beside the files and is not used */
    ImageFiles(Path root, List<Path> files, int[] labels, List<String> classes, DataProblems faults) {
        this(root, List.copyOf(files), labels.clone(), List.copyOf(classes), DecodeOptions.DEFAULT, faults);
    }

    private ImageFiles(
            Path root,
            List<Path> files,
            int[] labels,
            List<String> classes,
            DecodeOptions decoding,
            DataProblems faults) {
        this.root = root;
        this.files = files;
        this.labels = labels;
        this.classes = classes;
        this.decoding = decoding;
        this.faults = faults;
    }

    /** Changes the decoding options. */
    public ImageFiles withDecoding(DecodeOptions options) {
        return new ImageFiles(root, files, labels, classes, options, faults);
    }

    /** Files without labels, in the given order: what a person hands over for predictions. */
    public static ImageFiles unlabelled(Path root, List<Path> files) {
        int[] none = new int[files.size()];
        Arrays.fill(none, NO_LABEL);
        return new ImageFiles(root, files, none, List.of());
    }

    /** Returns whether a file's name is that of an image: a known extension in any letter case, and no leading dot. */
    public static boolean isImage(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = name.lastIndexOf('.');
        return dot > 0
                && !isHidden(name)
                && EXTENSIONS.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    /** Names that hold no data: dot files, and the folder that archives made on a Mac leave behind. */
    static boolean isHidden(String name) {
        return name.startsWith(".") || name.equals("__MACOSX");
    }

    private static int compareCodePoints(String a, String b) {
        int length = Math.min(a.length(), b.length());
        for (int i = 0; i < length; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                boolean bothOrNeither = Character.isSurrogate(x) == Character.isSurrogate(y);
                return bothOrNeither ? Character.compare(x, y) : Character.isSurrogate(x) ? 1 : -1;
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    /** The file of an image. */
    public Path file(int index) {
        return files.get(index);
    }

    @Override
    public int size() {
        return files.size();
    }

    @Override
    public RgbImage image(int index) {
        return ImageDecoder.decode(files.get(index), decoding);
    }

    @Override
    public DataProblems faults() {
        return faults;
    }

    @Override
    public boolean decodes() {
        return true;
    }

    @Override
    public byte[] content(int index) {
        try {
            return Files.readAllBytes(files.get(index));
        } catch (IOException e) {
            throw unreadable(index, e);
        }
    }

    @Override
    public long contentBytes(int index) {
        try {
            return Files.size(files.get(index));
        } catch (IOException e) {
            throw unreadable(index, e);
        }
    }

    /** The file's size; −1 where it is gone, or a link that leads nowhere: that is told when it is to be decoded. */
    @Override
    public long stamp(int index) {
        try {
            return Files.size(files.get(index));
        } catch (IOException e) {
            return -1;
        }
    }

    private VitrailException unreadable(int index, IOException cause) {
        return new VitrailException(
                "%s could not be read: %s".formatted(PathNames.text(files.get(index)), IoReason.of(cause)), cause);
    }

    @Override
    public int label(int index) {
        return labels[index];
    }

    @Override
    public int[] labels() {
        return labels.clone();
    }

    @Override
    public List<String> classes() {
        return classes;
    }

    @Override
    public String name(int index) {
        Path file = files.get(index);
        return PathNames.text(file.startsWith(root) ? root.relativize(file) : file);
    }

    @Override
    public String describe() {
        return Descriptions.of(root.toString(), classes, labels);
    }
}
