package dev.vitrail.data;

import java.util.List;

/** Which part of a data set: what a model learns from, what a run is judged by, and what is kept for the very end. */
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
