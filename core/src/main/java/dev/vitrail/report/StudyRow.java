package dev.vitrail.report;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * One run of a study, and what its folder tells.
 *
 * @param model what it trains
 * @param recipe what by
 * @param share of the training images that it sees
 * @param images that these are
 * @param seed where its chance begins
 * @param folder the run's, whether or not it is there
 * @param state how far it is
 * @param result of a run that has finished
 * @param failure why a run that has failed did; empty for others
 */
public record StudyRow(
        String model,
        String recipe,
        double share,
        int images,
        long seed,
        Path folder,
        State state,
        Optional<Result> result,
        String failure) {
    /** Progress of a run. */
    public enum State {
        MISSING,
        BEGUN,
        FINISHED,
        FAILED;

        /** As tables and JSON have it. */
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Result of a run.
     *
     * @param top1 after the last epoch, 0 to 1, so that nothing is chosen by the images that judge
     * @param bestTop1 of the best epoch
     * @param nll mean negative log-likelihood after the last epoch, nats
     * @param parameters of the model
     * @param multiplyAccumulates for one image
     * @param seconds of training and validation
     * @param imagesPerSecond while training
     * @param curve validation top-1 of each epoch, 0 to 1
     */
    public record Result(
            double top1,
            double bestTop1,
            double nll,
            long parameters,
            long multiplyAccumulates,
            double seconds,
            double imagesPerSecond,
            List<Double> curve) {
        public Result {
            curve = List.copyOf(curve);
        }

        private static Result of(RunRecord run) {
            return new Result(
                    run.last().validationTop1(),
                    run.best().validationTop1(),
                    run.last().validationLoss(),
                    run.parameters(),
                    run.multiplyAccumulates(),
                    run.seconds(),
                    run.imagesPerSecond(),
                    run.values(EpochSummary::validationTop1));
        }
    }

    /** Reads what there is of a run. */
    public static StudyRow read(String model, String recipe, double share, int images, long seed, Path folder) {
        var run = new RunFolder(folder);
        var failure = failure(folder);
        // A run that is killed as its first epoch ends has rows, but no model yet.
        var result = Files.isRegularFile(run.summary()) && Files.isRegularFile(run.state())
                ? Optional.of(RunRecord.read(folder))
                        .filter(RunRecord::finished)
                        .map(Result::of)
                : Optional.<Result>empty();
        var state = result.isPresent()
                ? State.FINISHED
                : !failure.isEmpty() ? State.FAILED : Files.isRegularFile(run.config()) ? State.BEGUN : State.MISSING;
        return new StudyRow(model, recipe, share, images, seed, folder, state, result, failure);
    }

    private static Path failureFile(Path folder) {
        return folder.resolve("failure.txt");
    }

    private static String failure(Path folder) {
        try {
            return Files.isRegularFile(failureFile(folder))
                    ? Files.readString(failureFile(folder)).strip()
                    : "";
        } catch (IOException e) {
            throw new VitrailException("cannot read %s: %s".formatted(failureFile(folder), e.getMessage()), e);
        }
    }

    /** Notes in a run's folder why it failed. */
    public static void fail(Path folder, String sentence) {
        AtomicFile.write(failureFile(folder), sentence + "\n");
    }

    /** Forgets that a run failed, so that it may be tried again. */
    public static void forgive(Path folder) {
        try {
            Files.deleteIfExists(failureFile(folder));
        } catch (IOException e) {
            throw new VitrailException("cannot delete %s: %s".formatted(failureFile(folder), e.getMessage()), e);
        }
    }
}
