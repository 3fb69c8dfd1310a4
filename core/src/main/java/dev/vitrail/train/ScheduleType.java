package dev.vitrail.train;

/** The learning rate schedules that a run can use. */
public enum ScheduleType {
    COSINE,
    LINEAR,
    /** Decay by a factor, at equal distances. */
    STEP,
    /** Decay by a factor, when validation has stopped getting better. */
    PLATEAU,
    /** No decay. */
    CONSTANT
}
