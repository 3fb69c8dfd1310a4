package dev.vitrail.serve;

import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.ProtocolViolationException;
import com.linecorp.armeria.common.ResponseCompleteException;
import com.linecorp.armeria.common.stream.AbortedStreamException;
import com.linecorp.armeria.common.stream.ClosedStreamException;
import com.linecorp.armeria.common.util.CompositeException;
import com.linecorp.armeria.server.HttpStatusException;
import com.linecorp.armeria.server.RequestTimeoutException;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.serve.batching.DeadlineExceededException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.netty.handler.codec.compression.DecompressionException;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A request that gets no result. */
final class RequestException extends VitrailException {
    private static final Logger LOG = LoggerFactory.getLogger(RequestException.class);

    private final Failure failure;
    private final int retryAfter;

    private RequestException(Failure failure, String message, int retryAfter, Throwable cause) {
        super(message, cause);
        this.failure = failure;
        this.retryAfter = retryAfter;
    }

    RequestException(Failure failure, String message) {
        super(message);
        this.failure = failure;
        this.retryAfter = 0;
    }

    /** The queue is full. */
    static RequestException overloaded(String message, int retryAfterSeconds) {
        return new RequestException(Failure.OVERLOADED, message, retryAfterSeconds, new CancellationException());
    }

    /** The request is wrong. */
    static RequestException bad(String message, Object... values) {
        return new RequestException(
                Failure.BAD_REQUEST, VitrailException.of(message, values).getMessage());
    }

    static void requireGood(boolean condition, String message, Object... values) {
        if (!condition) {
            throw bad(message, values);
        }
    }

    Failure failure() {
        return failure;
    }

    /** Seconds after which it is worth trying again. */
    OptionalInt retryAfter() {
        return retryAfter > 0 ? OptionalInt.of(retryAfter) : OptionalInt.empty();
    }

    /** The error that a client is told. Faults of the server are logged, and not shown. */
    static RequestException of(Throwable thrown) {
        var cause = thrown;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof CompositeException several) {
            cause = several.getExceptions().get(0);
        }
        if (cause instanceof RequestException known) {
            return known;
        }
        if (cause instanceof DeadlineExceededException) {
            return wrap(Failure.DEADLINE, cause);
        }
        if (cause instanceof NotFiniteException) {
            return wrap(Failure.NOT_FINITE, cause);
        }
        if (cause instanceof VitrailException) {
            return wrap(Failure.BAD_REQUEST, cause);
        }
        if (cause instanceof ContentTooLargeException) {
            return new RequestException(
                    Failure.TOO_LARGE, "the body is larger than the server's limit: send less at once");
        }
        if (cause instanceof DecompressionException) {
            return new RequestException(
                    Failure.BAD_REQUEST, "the body is not compressed as its content encoding says: check both");
        }
        if (cause instanceof RequestTimeoutException) {
            return new RequestException(Failure.DEADLINE, "the request's time was over before its result was there");
        }
        if (cause instanceof ProtocolViolationException
                || (cause instanceof HttpStatusException status
                        && status.httpStatus().isClientError())) {
            return new RequestException(
                    Failure.BAD_REQUEST, "the request is not HTTP as it should be: check its lengths and chunks");
        }
        if (cause instanceof CancellationException
                || cause instanceof ClosedStreamException
                || cause instanceof AbortedStreamException
                || cause instanceof ResponseCompleteException
                || (cause instanceof StatusRuntimeException status
                        && status.getStatus().getCode() == Status.Code.CANCELLED)) {
            return new RequestException(Failure.CANCELLED, "the request was given up");
        }
        LOG.error("a request failed: {}", cause.toString(), cause);
        return new RequestException(Failure.INTERNAL, "the server failed, which its log describes");
    }

    private static RequestException wrap(Failure failure, Throwable cause) {
        return new RequestException(failure, String.valueOf(cause.getMessage()), 0, cause);
    }
}
