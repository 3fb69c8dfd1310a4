package dev.vitrail.serve;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.HttpStatusException;
import com.linecorp.armeria.server.RequestTimeoutException;
import com.linecorp.armeria.server.ServerErrorHandler;
import com.linecorp.armeria.server.ServiceConfig;
import com.linecorp.armeria.server.ServiceRequestContext;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Errors that no service of ours made, such as a path that does not exist: in the same form as those of ours. */
final class ErrorHandler implements ServerErrorHandler {
    @Override
    public HttpResponse onServiceException(ServiceRequestContext context, Throwable cause) {
        if (cause instanceof HttpStatusException known) {
            return Responses.json(known.httpStatus(), Map.of("error", sentence(known.httpStatus())));
        }
        if (cause instanceof RequestTimeoutException
                && !context.log()
                        .isAvailable(com.linecorp.armeria.common.logging.RequestLogProperty.REQUEST_END_TIME)) {
            return Responses.error(
                    context,
                    new RequestException(
                            Failure.BODY_TIMEOUT, "the body did not arrive in time: send it faster, or less"));
        }
        return Responses.error(context, cause);
    }

    /**
     * Answers what is not HTTP, or over a limit that is known before a service is: never the server's fault, whatever
     * the decoder thinks.
     */
    @Override
    public @Nullable AggregatedHttpResponse onProtocolViolation(
            ServiceConfig config,
            @Nullable RequestHeaders headers,
            HttpStatus status,
            @Nullable String description,
            @Nullable Throwable cause) {
        return renderStatus(
                null, config, headers, status.isServerError() ? HttpStatus.BAD_REQUEST : status, null, cause);
    }

    @Override
    public @Nullable AggregatedHttpResponse renderStatus(
            @Nullable ServiceRequestContext context,
            ServiceConfig config,
            @Nullable RequestHeaders headers,
            HttpStatus status,
            @Nullable String description,
            @Nullable Throwable cause) {
        var text = description == null ? sentence(status) : description;
        return AggregatedHttpResponse.of(
                ResponseHeaders.builder(status).contentType(MediaType.JSON).build(),
                HttpData.wrap(Responses.bytes(Map.of("error", text))));
    }

    private static String sentence(HttpStatus status) {
        return switch (status.code()) {
            case 404 -> "there is nothing at this path: GET /openapi.json lists what there is";
            case 405 -> "this path does not take this method: GET /openapi.json lists what it takes";
            case 413 -> "the body is larger than the server's limit: send less at once";
            case 431 -> "the headers are larger than the server's limit: send fewer or shorter ones";
            default -> status.reasonPhrase();
        };
    }
}
