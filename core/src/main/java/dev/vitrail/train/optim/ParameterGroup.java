package dev.vitrail.train.optim;

import dev.vitrail.nn.Parameter;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Parameters that are trained alike.
 *
 * @param learningRateScale factor of the schedule's learning rate
 * @param weightDecay weight decay coefficient (decoupled)
 * @param parameters by their names in the model, in its order
 */
public record ParameterGroup(double learningRateScale, double weightDecay, Map<String, Parameter> parameters) {
    public ParameterGroup {
        parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    }
}
