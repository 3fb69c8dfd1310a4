package dev.vitrail.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServiceRequestContext;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Loads, reloads and unloads models while the server runs: Triton's model repository extension, for those who know the
 * secret.
 */
final class ModelControl {
    private final ModelRepository repository;
    private final Optional<BearerToken> secret;

    ModelControl(ModelRepository repository, Optional<String> secret) {
        this.repository = repository;
        this.secret = secret.map(BearerToken::new);
    }

    void addTo(ServerBuilder builder) {
        post(
                builder,
                "/v2/repository/index",
                (context, request) -> CompletableFuture.completedFuture(Responses.json(
                        HttpStatus.OK, index(body(request).path("ready").asBoolean()))));
        post(builder, "/v2/repository/models/{model}/load", (context, request) -> {
            var parameters = body(request).path("parameters");
            var source = Optional.ofNullable(parameters.path("source").textValue());
            return later(context, () -> load(context, model(context), source));
        });
        post(
                builder,
                "/v2/repository/models/{model}/unload",
                (context, request) -> later(context, () -> unload(context, model(context))));
    }

    private static void post(ServerBuilder builder, String path, RestHandler handler) {
        builder.service(Route.builder().path(path).methods(HttpMethod.POST).build(), RestHandler.of(handler));
    }

    private static JsonNode body(AggregatedHttpRequest request) {
        return request.content().isEmpty()
                ? Responses.JSON.createObjectNode()
                : Responses.parse(request.content().array());
    }

    private static String model(ServiceRequestContext context) {
        return Objects.requireNonNull(context.pathParam("model"));
    }

    private static CompletionStage<HttpResponse> later(ServiceRequestContext context, Runnable work) {
        context.clearRequestTimeout(); // a large model takes its time
        return CompletableFuture.supplyAsync(
                () -> {
                    work.run();
                    return HttpResponse.of(HttpStatus.OK);
                },
                context.blockingTaskExecutor());
    }

    private Object index(boolean ready) {
        return repository.index().stream()
                .filter(entry -> !ready || entry.state() == ModelRepository.State.READY)
                .map(entry -> Map.of(
                        "name", entry.name(),
                        "version", entry.version(),
                        "state", entry.state().name().toUpperCase(Locale.ROOT),
                        "reason", entry.reason()))
                .toList();
    }

    /**
     * Loads a model, or loads it again; the former serves until the new one is warm, and after a failure.
     *
     * @param source a folder or name as {@code --model} takes; empty for where the model came from last
     */
    void load(ServiceRequestContext context, String model, Optional<String> source) {
        requireSecret(context);
        RequestException.requireGood(
                model.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}"),
                "'%s' cannot name a model: expected letters, digits, '.', '_' and '-'",
                model);
        repository.load(model, source);
    }

    /** Takes a model out of service once the requests that use it are answered. */
    void unload(ServiceRequestContext context, String model) {
        requireSecret(context);
        repository.unload(model);
    }

    private void requireSecret(ServiceRequestContext context) {
        if (secret.isEmpty()) {
            throw new RequestException(
                    Failure.FORBIDDEN,
                    "models cannot be changed while the server runs: start it with --model-control FILE");
        }
        if (!secret.get().isCarried(context.request().headers())) {
            throw new RequestException(
                    Failure.UNAUTHENTICATED, "the secret of --model-control is missing: expected it as bearer token");
        }
    }
}
