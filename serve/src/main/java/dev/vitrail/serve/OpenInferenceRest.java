package dev.vitrail.serve;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.util.TimeoutMode;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServiceRequestContext;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** The Open Inference Protocol over REST: {@code /v2}, with Triton's binary tensors. */
final class OpenInferenceRest {
    /** Bytes of the JSON that binary tensors follow. */
    private static final String JSON_LENGTH = "inference-header-content-length";

    static final List<String> EXTENSIONS = List.of("binary_tensor_data", "classification", "model_repository");

    private final ModelRepository repository;
    private final Health health;
    private final TensorApi tensors;

    OpenInferenceRest(ModelRepository repository, Health health, TensorApi tensors) {
        this.repository = repository;
        this.health = health;
        this.tensors = tensors;
    }

    void addTo(ServerBuilder builder) {
        get(builder, "/v2", context -> Responses.json(HttpStatus.OK, serverMetadata()));
        get(builder, "/v2/health/live", context -> HttpResponse.of(HttpStatus.OK));
        get(
                builder,
                "/v2/health/ready",
                context -> HttpResponse.of(
                        health.state() == Health.State.READY ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE));
        for (var model : List.of("/v2/models/{model}", "/v2/models/{model}/versions/{version}")) {
            get(builder, model, context -> held(context, served -> Responses.json(HttpStatus.OK, metadata(served))));
            get(builder, model + "/ready", context -> held(context, served -> HttpResponse.of(HttpStatus.OK)));
            builder.service(
                    Route.builder()
                            .path(model + "/infer")
                            .methods(HttpMethod.POST)
                            .build(),
                    infer());
        }
    }

    private static void get(ServerBuilder builder, String path, Function<ServiceRequestContext, HttpResponse> answer) {
        HttpService service = (context, request) -> {
            try {
                return answer.apply(context);
            } catch (RequestException e) {
                return Responses.error(context, e);
            }
        };
        builder.service(
                Route.builder()
                        .path(path)
                        .methods(HttpMethod.GET, HttpMethod.HEAD)
                        .build(),
                service);
    }

    private static Map<String, Object> serverMetadata() {
        var metadata = new LinkedHashMap<String, Object>();
        metadata.put("name", "vitrail");
        metadata.put("version", VitrailServer.version());
        metadata.put("extensions", EXTENSIONS);
        return metadata;
    }

    private static Map<String, Object> metadata(ServedModel served) {
        var metadata = new LinkedHashMap<String, Object>();
        metadata.put("name", served.name());
        metadata.put("versions", List.of(served.version()));
        metadata.put("platform", VitrailServer.PLATFORM);
        metadata.put("inputs", TensorApi.inputs(served));
        metadata.put("outputs", TensorApi.outputs(served));
        return metadata;
    }

    private ServedModel hold(ServiceRequestContext context) {
        return repository.hold(
                Objects.requireNonNull(context.pathParam("model")),
                Optional.ofNullable(context.pathParam("version")).orElse(""));
    }

    private HttpResponse held(ServiceRequestContext context, Function<ServedModel, HttpResponse> answer) {
        var served = hold(context);
        try {
            return answer.apply(served);
        } finally {
            served.release();
        }
    }

    // --------------------------------------------------------------------------------------------------------- infer

    /** Refuses before the body is read where there is no room, so that refusing costs next to nothing. */
    private HttpService infer() {
        var whole = RestHandler.of(this::infer);
        return (context, request) -> {
            try {
                held(context, served -> {
                    served.requireRoom(Inference.Scope.of(context).left());
                    return HttpResponse.of(HttpStatus.OK);
                });
            } catch (RequestException e) {
                return Responses.error(context, e);
            }
            return whole.serve(context, request);
        };
    }

    private CompletionStage<HttpResponse> infer(ServiceRequestContext context, AggregatedHttpRequest http) {
        var request = InferJson.read(http.content().array(), jsonLength(http));
        if (request.timeoutMicros() > 0) {
            context.setRequestTimeout(
                    TimeoutMode.SET_FROM_START, Duration.ofNanos(Math.multiplyExact(1000L, request.timeoutMicros())));
        }
        var scope = Inference.Scope.of(context);
        var served = hold(context);
        context.setAttr(AccessLog.MODEL, served.name() + ":" + served.version());
        try {
            return tensors.infer(served, request, scope, context.eventLoop())
                    .thenApply(outputs -> respond(served, request, outputs, scope))
                    .whenComplete((done, failed) -> served.release());
        } catch (RuntimeException e) {
            served.release();
            throw e;
        }
    }

    private static Optional<Integer> jsonLength(AggregatedHttpRequest http) {
        var text = http.headers().get(JSON_LENGTH);
        if (text == null) {
            return Optional.empty();
        }
        RequestException.requireGood(
                text.matches("\\d{1,9}"), "Inference-Header-Content-Length is '%s': expected a whole number", text);
        return Optional.of(Integer.valueOf(text));
    }

    private static HttpResponse respond(
            ServedModel served, InferRequest request, List<TensorData> outputs, Inference.Scope scope) {
        var described = new ArrayList<Map<String, Object>>();
        var binary = new ByteArrayOutputStream();
        boolean anyBinary = false;
        for (var output : outputs) {
            var tensor = new LinkedHashMap<String, Object>();
            tensor.put("name", output.name());
            tensor.put("datatype", output.datatype());
            tensor.put("shape", output.shape());
            if (binary(request, output.name())) {
                anyBinary = true;
                var raw = output.raw();
                tensor.put("parameters", Map.of("binary_data_size", raw.length));
                binary.writeBytes(raw);
            } else {
                tensor.put("data", output.list());
            }
            described.add(tensor);
        }
        var response = new LinkedHashMap<String, Object>();
        response.put("model_name", served.name());
        response.put("model_version", served.version());
        if (!request.id().isEmpty()) {
            response.put("id", request.id());
        }
        response.put("outputs", described);
        var json = Responses.bytes(response);
        var headers = ResponseHeaders.builder(HttpStatus.OK)
                .contentType(anyBinary ? MediaType.OCTET_STREAM : MediaType.JSON)
                .set(HttpHeaderNames.SERVER_TIMING, ImageApi.serverTiming(scope.timing()));
        if (anyBinary) {
            headers.setInt(JSON_LENGTH, json.length);
        }
        return HttpResponse.of(headers.build(), HttpData.wrap(json), HttpData.wrap(binary.toByteArray()));
    }

    /** Returns whether an output is wanted as binary: it says so, or the request says so of all. */
    private static boolean binary(InferRequest request, String name) {
        var own = request.outputs().stream()
                .filter(output -> output.name().equals(name))
                .map(output -> output.parameters().get("binary_data"))
                .filter(Objects::nonNull)
                .findFirst();
        return Boolean.TRUE.equals(own.orElse(request.parameters().get("binary_data_output")));
    }
}
