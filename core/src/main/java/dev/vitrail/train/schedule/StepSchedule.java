package dev.vitrail.train.schedule;

import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A rate that falls by a factor at given times.
 *
 * @param base rate at the beginning
 * @param milestones units after which it falls, ascending; one that is named twice counts twice
 * @param factor of each fall
 */
public record StepSchedule(double base, List<Long> milestones, double factor) implements Schedule {
    public StepSchedule {
        VitrailException.require(
                base > 0 && factor > 0,
                "the learning rate %s and the factor %s of its steps must be positive",
                base,
                factor);
        milestones = List.copyOf(milestones);
        VitrailException.require(
                milestones.stream().allMatch(time -> time > 0)
                        && milestones.equals(milestones.stream().sorted().toList()),
                "the times of a learning rate's steps must be positive and ascend, found %s",
                milestones);
    }

    /**
     * A rate that falls again and again at equal distances.
     *
     * @param every units between two falls
     * @param length units in which it falls at all
     */
    public static StepSchedule every(double base, long every, long length, double factor) {
        VitrailException.require(
                every > 0 && length >= 0,
                "step size must be positive and length not negative, found %d and %d",
                every,
                length);
        return new StepSchedule(
                base,
                LongStream.rangeClosed(1, length / every)
                        .mapToObj(i -> i * every)
                        .toList(),
                factor);
    }

    @Override
    public double rate(long time) {
        return base
                * Math.pow(
                        factor,
                        milestones.stream()
                                .filter(milestone -> time >= milestone)
                                .count());
    }
}
