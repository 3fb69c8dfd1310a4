package dev.vitrail.serve;

import com.linecorp.armeria.common.HttpStatus;
import io.grpc.Status;

/** Reason that a request gets no result, as the status of HTTP and gRPC. */
enum Failure {
    BAD_REQUEST(HttpStatus.BAD_REQUEST, Status.Code.INVALID_ARGUMENT),
    UNAUTHENTICATED(HttpStatus.UNAUTHORIZED, Status.Code.UNAUTHENTICATED),
    FORBIDDEN(HttpStatus.FORBIDDEN, Status.Code.PERMISSION_DENIED),
    NOT_FOUND(HttpStatus.NOT_FOUND, Status.Code.NOT_FOUND),
    BODY_TIMEOUT(HttpStatus.REQUEST_TIMEOUT, Status.Code.DEADLINE_EXCEEDED),
    TOO_LARGE(HttpStatus.REQUEST_ENTITY_TOO_LARGE, Status.Code.RESOURCE_EXHAUSTED),
    UNSUPPORTED_TYPE(HttpStatus.UNSUPPORTED_MEDIA_TYPE, Status.Code.INVALID_ARGUMENT),
    NOT_FINITE(HttpStatus.UNPROCESSABLE_ENTITY, Status.Code.INVALID_ARGUMENT),
    OVERLOADED(HttpStatus.TOO_MANY_REQUESTS, Status.Code.RESOURCE_EXHAUSTED),
    CANCELLED(HttpStatus.CLIENT_CLOSED_REQUEST, Status.Code.CANCELLED),
    INTERNAL(HttpStatus.INTERNAL_SERVER_ERROR, Status.Code.INTERNAL),
    UNAVAILABLE(HttpStatus.SERVICE_UNAVAILABLE, Status.Code.UNAVAILABLE),
    DEADLINE(HttpStatus.GATEWAY_TIMEOUT, Status.Code.DEADLINE_EXCEEDED);

    private final HttpStatus http;
    private final Status.Code grpc;

    Failure(HttpStatus http, Status.Code grpc) {
        this.http = http;
        this.grpc = grpc;
    }

    HttpStatus http() {
        return http;
    }

    Status grpc() {
        return grpc.toStatus();
    }
}
