package dev.vitrail.data;

/** What a model learns from and what it is judged by; both have the same classes in the same order. */
public record TrainAndValidation(Dataset train, Dataset validation) {
    public TrainAndValidation {
        if (!train.classes().equals(validation.classes())) {
            throw new IllegalArgumentException("train has the classes %s, validation %s"
                    .formatted(Descriptions.some(train.classes()), Descriptions.some(validation.classes())));
        }
    }

    /** What of the data's files could not be used; both parts may lie in the same files, whose faults are told once. */
    public Faults faults() {
        return train.faults().equals(validation.faults())
                ? train.faults()
                : train.faults().and(validation.faults());
    }
}
