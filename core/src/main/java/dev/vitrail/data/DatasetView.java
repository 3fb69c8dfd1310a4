package dev.vitrail.data;

import dev.vitrail.images.RgbImage;
import java.util.List;

/** The pictures of another set in their order; what a view does not change is that set's. */
abstract class DatasetView implements Dataset {
    protected final Dataset set;

    DatasetView(Dataset set) {
        this.set = set;
    }

    @Override
    public int size() {
        return set.size();
    }

    @Override
    public RgbImage image(int index) {
        return set.image(index);
    }

    @Override
    public boolean decodes() {
        return set.decodes();
    }

    @Override
    public int label(int index) {
        return set.label(index);
    }

    @Override
    public List<String> classes() {
        return set.classes();
    }

    @Override
    public String name(int index) {
        return set.name(index);
    }

    @Override
    public String describe() {
        return set.describe();
    }

    @Override
    public byte[] content(int index) {
        return set.content(index);
    }

    @Override
    public long contentBytes(int index) {
        return set.contentBytes(index);
    }

    @Override
    public long stamp(int index) {
        return set.stamp(index);
    }

    @Override
    public Faults faults() {
        return set.faults();
    }
}
