package dev.vitrail.data;

import java.util.List;
import java.util.stream.Stream;

/** What a model learns from and what it is judged by; both have the same classes in the same order. */
public record TrainAndValidation(Dataset train, Dataset validation) {
    public TrainAndValidation {
        if (!train.classes().equals(validation.classes())) {
            throw new IllegalArgumentException("train has the classes %s, validation %s"
                    .formatted(Descriptions.some(train.classes()), Descriptions.some(validation.classes())));
        }
    }

    /**
     * What of the data's files could not be used, a sentence for each; both parts may lie in the same files, whose faults are told once.
     */
    public List<String> faults() {
        return Stream.of(train, validation)
                .flatMap(set -> set.faults().stream())
                .distinct()
                .toList();
    }
}
