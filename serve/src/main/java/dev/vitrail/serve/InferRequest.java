package dev.vitrail.serve;

import java.util.List;
import java.util.Map;

/**
 * A request of the Open Inference Protocol, however it came.
 *
 * @param id given back in the response; may be empty
 * @param parameters scalars: Booleans, longs, doubles and strings
 * @param outputs the outputs that are wanted; none for all that one pass through the model gives
 */
record InferRequest(String id, Map<String, Object> parameters, List<TensorData> inputs, List<Wanted> outputs) {
    /**
     * An output that is wanted.
     *
     * @param parameters as those of the request
     */
    record Wanted(String name, Map<String, Object> parameters) {}

    /** Triton's {@code timeout} in microseconds; 0 where there is none. */
    long timeoutMicros() {
        var timeout = parameters.get("timeout");
        if (timeout == null) {
            return 0;
        }
        RequestException.requireGood(
                timeout instanceof Long micros && micros >= 0,
                "the parameter 'timeout' is %s: expected a whole number of microseconds",
                timeout);
        return (Long) timeout;
    }
}
