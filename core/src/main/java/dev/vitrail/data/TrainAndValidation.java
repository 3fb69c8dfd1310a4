package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;

/** Training and validation images; both have the same classes in the same order. */
public record TrainAndValidation(Dataset train, Dataset validation) {
    public TrainAndValidation {
        VitrailException.require(
                train.classes().equals(validation.classes()),
                "the part to train on has %s (%s), the part to validate on %s (%s): both need the same; a file"
                        + " classes.txt beside them names all that there are",
                Descriptions.count(train.classes().size(), "class"),
                Descriptions.some(train.classes()),
                Descriptions.count(validation.classes().size(), "class"),
                Descriptions.some(validation.classes()));
    }

    /** Problems of the data's files; both parts may lie in the same files, whose faults are told once. */
    public DataProblems faults() {
        return train.faults().equals(validation.faults())
                ? train.faults()
                : train.faults().and(validation.faults());
    }
}
