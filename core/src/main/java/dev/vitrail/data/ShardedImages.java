package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.nio.file.Path;
import java.util.List;

/** Images that lie inside of larger files, and are found there by an index that is made once. */
abstract sealed class ShardedImages implements Dataset permits ParquetImages, WebDataset {
    private final String origin;
    private final ShardLabels labels;
    private final DataProblems faults;
    private final DecodeOptions decoding;

    ShardedImages(String origin, ShardLabels labels, DataProblems faults, DecodeOptions decoding) {
        this.origin = origin;
        this.labels = labels;
        this.faults = faults;
        this.decoding = decoding;
        VitrailException.require(
                labels.kept().length > 0,
                "%s holds no images that can be used%s",
                origin,
                faults.isEmpty() ? "" : ": " + faults.sentences().get(0));
    }

    /** Name of a set of several files: the folder they are in, or the file if it is the only one. */
    static String origin(List<Path> files) {
        var parent = files.get(0).getParent();
        return files.size() == 1 || parent == null ? files.get(0).toString() : parent.toString();
    }

    /** The place of an image among all that the index found. */
    final int place(int index) {
        return labels.kept()[index];
    }

    @Override
    public final int size() {
        return labels.kept().length;
    }

    @Override
    public final RgbImage image(int index) {
        return ImageDecoder.decode(content(index), name(index), decoding);
    }

    @Override
    public final boolean decodes() {
        return true;
    }

    @Override
    public final int label(int index) {
        return labels.indices()[index];
    }

    @Override
    public final int[] labels() {
        return labels.indices().clone();
    }

    @Override
    public final List<String> classes() {
        return labels.classes();
    }

    @Override
    public final DataProblems faults() {
        return faults;
    }

    @Override
    public final String describe() {
        return Descriptions.of(origin, classes(), labels());
    }
}
