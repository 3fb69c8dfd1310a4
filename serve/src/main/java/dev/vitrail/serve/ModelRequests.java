package dev.vitrail.serve;

import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.vitrail.serve.batching.Timing;
import java.util.concurrent.CompletionStage;

/**
 * Request handling shared by the services for images: the model is looked up by {@code ?model=}, held while it
 * computes, and released after the answer.
 *
 * @param repository of the models
 * @param inference runs them
 * @param metrics are told how long images waited
 */
record ModelRequests(ModelRepository repository, Inference inference, ServerMetrics metrics) {
    /** Computes on a held model. */
    @FunctionalInterface
    interface Computation<T> {
        CompletionStage<T> on(ServedModel served, Inference.Scope scope);
    }

    /** Makes a response of what was computed. */
    @FunctionalInterface
    interface Answer<T> {
        HttpResponse of(ServedModel served, T result, Timing timing);
    }

    /** Refuses before the body is read where there is no room, so that refusing costs next to nothing. */
    HttpService guarded(RestHandler handler) {
        var whole = RestHandler.of(handler);
        return (context, request) -> {
            try {
                var served = repository.hold(name(context), "");
                try {
                    served.requireRoom(Inference.Scope.of(context).left());
                } finally {
                    served.release();
                }
            } catch (RequestException refused) {
                return Responses.error(context, refused);
            }
            return whole.serve(context, request);
        };
    }

    /** Computes on the model that a request asks for, and answers on the request's event loop. */
    <T> CompletionStage<HttpResponse> answer(
            ServiceRequestContext context, Computation<T> computation, Answer<T> answer) {
        var scope = Inference.Scope.of(context);
        var served = repository.hold(name(context), "");
        context.setAttr(AccessLog.MODEL, served.name() + ":" + served.version());
        try {
            return computation
                    .on(served, scope)
                    .thenApplyAsync(
                            result -> {
                                metrics.waited(served.name(), scope.timing().queueNanos());
                                return answer.of(served, result, scope.timing());
                            },
                            context.eventLoop())
                    .whenComplete((done, failed) -> served.release());
        } catch (RuntimeException e) {
            served.release();
            throw e;
        }
    }

    /** The name of the model that a request asks for; empty for the first. */
    private static String name(ServiceRequestContext context) {
        var name = context.queryParam("model");
        return name == null ? "" : name;
    }
}
