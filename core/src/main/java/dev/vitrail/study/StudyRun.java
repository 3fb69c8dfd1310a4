package dev.vitrail.study;

import dev.vitrail.train.TrainingConfig;

/**
 * One of the runs of a study.
 *
 * @param model what it trains
 * @param recipe what by
 * @param share of the training images
 * @param seed where its chance begins
 * @param config all of its options
 */
public record StudyRun(String model, String recipe, double share, long seed, TrainingConfig config) {
    /** The name of its folder below the study's, which says all that sets it apart. */
    public String folderName() {
        return "%s.%s.share-%s.seed-%d".formatted(plain(model), plain(recipe), share, seed);
    }

    /** The last part of a path, without the ending of a YAML file, in letters that every file system takes. */
    private static String plain(String nameOrPath) {
        return nameOrPath
                .replaceFirst("[/\\\\]+$", "")
                .replaceFirst("^.*[/\\\\]", "")
                .replaceFirst("\\.ya?ml$", "")
                .replaceAll("[^A-Za-z0-9._-]", "-");
    }
}
