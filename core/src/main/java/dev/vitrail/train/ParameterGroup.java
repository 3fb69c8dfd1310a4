package dev.vitrail.train;

import dev.vitrail.nn.Parameter;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Parameters that are trained alike.
 *
 * @param learningRateScale factor of the schedule's learning rate
 * @param weightDecay share of a parameter that a step at learning rate 1 takes away
 * @param parameters by their names in the model, in its order
 */
public record ParameterGroup(double learningRateScale, double weightDecay, Map<String, Parameter> parameters) {
    public ParameterGroup {
        parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    }
}
