package dev.vitrail.data;

import dev.vitrail.images.RgbImage;
import java.util.List;

/** Images of another set; what a view does not change is that set's. */
abstract class DatasetView implements Dataset {
    protected final Dataset set;

    DatasetView(Dataset set) {
        this.set = set;
    }

    /**
     * Index in that set of the image at {@code index} here: the same, unless a view has some alone or another order.
     */
    protected int place(int index) {
        return index;
    }

    @Override
    public int size() {
        return set.size();
    }

    @Override
    public RgbImage image(int index) {
        return set.image(place(index));
    }

    @Override
    public boolean decodes() {
        return set.decodes();
    }

    @Override
    public int label(int index) {
        return set.label(place(index));
    }

    @Override
    public List<String> classes() {
        return set.classes();
    }

    @Override
    public String name(int index) {
        return set.name(place(index));
    }

    @Override
    public String describe() {
        return set.describe();
    }

    @Override
    public byte[] content(int index) {
        return set.content(place(index));
    }

    @Override
    public long contentBytes(int index) {
        return set.contentBytes(place(index));
    }

    @Override
    public long stamp(int index) {
        return set.stamp(place(index));
    }

    @Override
    public DataProblems faults() {
        return set.faults();
    }
}
