package dev.vitrail.data;

import java.util.List;

/** Split of a data set: images for training, for validation during a run, and for the final test. */
public enum Split {
    TRAIN(List.of("train", "training")),
    VALIDATION(List.of("val", "valid", "validation")),
    TEST(List.of("test"));

    private final List<String> folders;

    Split(List<String> folders) {
        this.folders = folders;
    }

    /** The folder names that mean this part, the most common first. */
    public List<String> folders() {
        return folders;
    }
}
