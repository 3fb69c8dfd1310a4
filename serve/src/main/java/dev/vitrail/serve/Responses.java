package dev.vitrail.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.ServiceRequestContext;
import io.netty.util.AttributeKey;
import java.io.IOException;
import java.util.Map;

/** JSON in and out, and how errors look: {@code {"error": "sentence"}}, as the Open Inference Protocol has it. */
final class Responses {
    /** Failure of the request, for metrics and the access log. */
    static final AttributeKey<RequestException> FAILURE = AttributeKey.valueOf(Responses.class, "FAILURE");

    /** Deeper JSON than any request has is refused by the parser. */
    private static final int MAX_DEPTH = 64;

    static final JsonMapper JSON = JsonMapper.builder(com.fasterxml.jackson.core.JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                    .build())
            .build();

    private Responses() {}

    /** The value of a JSON text, whose errors are the client's. */
    static JsonNode parse(byte[] json) {
        try {
            var node = JSON.readTree(json);
            RequestException.requireGood(
                    node != null && node.isObject(),
                    "the body is not a JSON object: expected one, such as {\"inputs\": …}");
            return node;
        } catch (JsonProcessingException e) {
            var place = e.getLocation();
            throw RequestException.bad(
                    "the body is not valid JSON (%s, line %d, column %d): expected an object",
                    e.getOriginalMessage(),
                    place == null ? 0 : place.getLineNr(),
                    place == null ? 0 : place.getColumnNr());
        } catch (IOException e) {
            throw RequestException.bad("the body is not valid JSON: expected an object in UTF-8");
        }
    }

    static byte[] bytes(Object value) {
        try {
            return JSON.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static HttpResponse json(HttpStatus status, Object value) {
        return HttpResponse.of(status, MediaType.JSON, bytes(value));
    }

    /** The response of a request without a result. */
    static HttpResponse error(ServiceRequestContext context, Throwable thrown) {
        var failed = RequestException.of(thrown);
        context.setAttr(FAILURE, failed);
        var headers = ResponseHeaders.builder(failed.failure().http()).contentType(MediaType.JSON);
        failed.retryAfter().ifPresent(seconds -> headers.setInt(HttpHeaderNames.RETRY_AFTER, seconds));
        if (failed.failure() == Failure.UNAUTHENTICATED) {
            headers.set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
        if (failed.failure() == Failure.UNAVAILABLE) {
            headers.setInt(HttpHeaderNames.RETRY_AFTER, 1);
        }
        return HttpResponse.of(headers.build(), HttpData.wrap(bytes(Map.of("error", failed.getMessage()))));
    }
}
