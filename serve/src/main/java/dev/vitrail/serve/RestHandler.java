package dev.vitrail.serve;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.encoding.StreamDecoderFactory;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.encoding.DecodingService;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/** A request with its whole body, answered later; failures become responses. */
@FunctionalInterface
interface RestHandler {
    /** Content encodings of bodies that are read. */
    Set<String> ENCODINGS = Set.of("identity", "gzip", "deflate");

    CompletionStage<HttpResponse> answer(ServiceRequestContext context, AggregatedHttpRequest request);

    /**
     * A service that reads the body, and then hands it over. Bodies may be compressed by gzip or deflate; the limit
     * holds for the bytes that come out as well.
     */
    static HttpService of(RestHandler handler) {
        HttpService whole = (context, request) -> HttpResponse.of(request.aggregate()
                .thenCompose(body -> handler.answer(context, body))
                .exceptionally(failed -> Responses.error(context, failed)));
        var decoded = whole.decorate(
                DecodingService.newDecorator(StreamDecoderFactory.gzip(), StreamDecoderFactory.deflate()));
        return (context, request) -> {
            var encoding = request.headers().get(HttpHeaderNames.CONTENT_ENCODING, "identity");
            return ENCODINGS.contains(encoding.toLowerCase(Locale.ROOT))
                    ? decoded.serve(context, request)
                    : Responses.error(
                            context,
                            new RequestException(
                                    Failure.UNSUPPORTED_TYPE,
                                    "the body's content encoding is '%s': expected gzip, deflate or none"
                                            .formatted(encoding)));
        };
    }
}
