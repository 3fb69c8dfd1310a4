package dev.vitrail.train;

/** The learning rate schedules that a run can use. */
public enum ScheduleType {
    COSINE,
    LINEAR,
    /** By a factor, at equal distances. */
    STEP,
    /** By a factor, when validation has stopped getting better. */
    PLATEAU,
    /** Not at all. */
    CONSTANT
}
