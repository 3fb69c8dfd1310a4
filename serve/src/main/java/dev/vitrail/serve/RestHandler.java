package dev.vitrail.serve;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import java.util.concurrent.CompletionStage;

/** A request with its whole body, answered later; failures become responses. */
@FunctionalInterface
interface RestHandler {
    CompletionStage<HttpResponse> answer(ServiceRequestContext context, AggregatedHttpRequest request);

    /** A service that reads the body, and then hands it over. */
    static HttpService of(RestHandler handler) {
        return (context, request) -> HttpResponse.of(request.aggregate()
                .thenCompose(whole -> handler.answer(context, whole))
                .exceptionally(failed -> Responses.error(context, failed)));
    }
}
