package dev.vitrail.train;

/**
 * Position of a run: the state beside the tensors that resuming needs for the same result.
 *
 * @param epoch the one being made, counted from 0
 * @param step steps of it that are done
 * @param lossSum their losses, each times its images
 * @param correct their images that were classified rightly; whole but where patches are asked for
 * @param seen their images
 * @param bestTop1 of the best epoch before it
 * @param bestLoss of that epoch's validation
 * @param bestEpoch counted from 1; 0 for none
 * @param epochSeconds spent on the epoch so far
 * @param skipped steps of the whole run that were left out because a number was not finite
 */
record Progress(
        int epoch,
        int step,
        double lossSum,
        double correct,
        long seen,
        double bestTop1,
        double bestLoss,
        int bestEpoch,
        double epochSeconds,
        int skipped) {
    /** All of it, in the order of the components. */
    double[] numbers() {
        return new double[] {epoch, step, lossSum, correct, seen, bestTop1, bestLoss, bestEpoch, epochSeconds, skipped};
    }

    /** Restores what {@link #numbers} returned. */
    static Progress of(double[] n) {
        return new Progress((int) n[0], (int) n[1], n[2], n[3], (long) n[4], n[5], n[6], (int) n[7], n[8], (int) n[9]);
    }

    static Progress start() {
        return new Progress(0, 0, 0, 0, 0, 0, Double.POSITIVE_INFINITY, 0, 0, 0);
    }

    Progress stepped(double loss, double right, int images, double seconds) {
        return new Progress(
                epoch,
                step + 1,
                lossSum + loss * images,
                correct + right,
                seen + images,
                bestTop1,
                bestLoss,
                bestEpoch,
                epochSeconds + seconds,
                skipped);
    }

    /** Adds one skipped step. */
    Progress skipping() {
        return new Progress(
                epoch, step, lossSum, correct, seen, bestTop1, bestLoss, bestEpoch, epochSeconds, skipped + 1);
    }

    /** Returns whether a validation result beats all before it: more right, or as many at a lower loss. */
    boolean beatenBy(double top1, double loss) {
        return bestEpoch == 0 || top1 > bestTop1 || (top1 == bestTop1 && loss < bestLoss);
    }

    Progress nextEpoch(double top1, double loss) {
        return beatenBy(top1, loss)
                ? new Progress(epoch + 1, 0, 0, 0, 0, top1, loss, epoch + 1, 0, skipped)
                : new Progress(epoch + 1, 0, 0, 0, 0, bestTop1, bestLoss, bestEpoch, 0, skipped);
    }

    /** Updates of the whole run that are done, or left out. */
    long updates(int stepsPerEpoch) {
        return (long) epoch * stepsPerEpoch + step;
    }

    double meanLoss() {
        return seen == 0 ? 0 : lossSum / seen;
    }

    double top1() {
        return seen == 0 ? 0 : correct / seen;
    }
}
