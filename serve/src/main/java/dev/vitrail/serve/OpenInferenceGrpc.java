package dev.vitrail.serve;

import com.google.protobuf.ByteString;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.vitrail.serve.protocol.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import dev.vitrail.serve.protocol.InferParameter;
import dev.vitrail.serve.protocol.InferTensorContents;
import dev.vitrail.serve.protocol.ModelInferRequest;
import dev.vitrail.serve.protocol.ModelInferResponse;
import dev.vitrail.serve.protocol.ModelMetadataRequest;
import dev.vitrail.serve.protocol.ModelMetadataResponse;
import dev.vitrail.serve.protocol.ModelReadyRequest;
import dev.vitrail.serve.protocol.ModelReadyResponse;
import dev.vitrail.serve.protocol.RepositoryIndexRequest;
import dev.vitrail.serve.protocol.RepositoryIndexResponse;
import dev.vitrail.serve.protocol.RepositoryModelLoadRequest;
import dev.vitrail.serve.protocol.RepositoryModelLoadResponse;
import dev.vitrail.serve.protocol.RepositoryModelUnloadRequest;
import dev.vitrail.serve.protocol.RepositoryModelUnloadResponse;
import dev.vitrail.serve.protocol.ServerLiveRequest;
import dev.vitrail.serve.protocol.ServerLiveResponse;
import dev.vitrail.serve.protocol.ServerMetadataRequest;
import dev.vitrail.serve.protocol.ServerMetadataResponse;
import dev.vitrail.serve.protocol.ServerReadyRequest;
import dev.vitrail.serve.protocol.ServerReadyResponse;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/** The Open Inference Protocol over gRPC. */
final class OpenInferenceGrpc extends GRPCInferenceServiceImplBase {
    /** Key of the delay before another attempt, in whole seconds, as of HTTP's {@code Retry-After}. */
    private static final Metadata.Key<String> RETRY_AFTER =
            Metadata.Key.of("retry-after", Metadata.ASCII_STRING_MARSHALLER);

    private final ModelRepository repository;
    private final Health health;
    private final TensorApi tensors;
    private final ModelControl control;

    OpenInferenceGrpc(ModelRepository repository, Health health, TensorApi tensors, ModelControl control) {
        this.repository = repository;
        this.health = health;
        this.tensors = tensors;
        this.control = control;
    }

    @Override
    public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> observer) {
        answer(observer, () -> ServerLiveResponse.newBuilder().setLive(true).build());
    }

    @Override
    public void serverReady(ServerReadyRequest request, StreamObserver<ServerReadyResponse> observer) {
        answer(observer, () -> ServerReadyResponse.newBuilder()
                .setReady(health.state() == Health.State.READY)
                .build());
    }

    @Override
    public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> observer) {
        answer(observer, () -> ModelReadyResponse.newBuilder()
                .setReady(isReady(request.getName(), request.getVersion()))
                .build());
    }

    private boolean isReady(String name, String version) {
        try {
            return held(name, version, served -> true);
        } catch (RequestException e) {
            if (e.failure() == Failure.UNAVAILABLE) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void serverMetadata(ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> observer) {
        answer(observer, () -> ServerMetadataResponse.newBuilder()
                .setName("vitrail")
                .setVersion(VitrailServer.version())
                .addAllExtensions(OpenInferenceRest.EXTENSIONS)
                .build());
    }

    @Override
    public void modelMetadata(ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
        answer(
                observer,
                () -> held(request.getName(), request.getVersion(), served -> {
                    var response = ModelMetadataResponse.newBuilder()
                            .setName(served.name())
                            .addVersions(served.version())
                            .setPlatform(VitrailServer.PLATFORM);
                    TensorApi.inputs(served).forEach(spec -> response.addInputs(metadata(spec)));
                    TensorApi.outputs(served).forEach(spec -> response.addOutputs(metadata(spec)));
                    return response.build();
                }));
    }

    private static ModelMetadataResponse.TensorMetadata metadata(TensorApi.Spec spec) {
        return ModelMetadataResponse.TensorMetadata.newBuilder()
                .setName(spec.name())
                .setDatatype(spec.datatype())
                .addAllShape(spec.shape())
                .build();
    }

    private <T> T held(String name, String version, Function<ServedModel, T> answer) {
        var served = repository.hold(name, version);
        try {
            return answer.apply(served);
        } finally {
            served.release();
        }
    }

    // ---------------------------------------------------------------------------------------------------- repository

    @Override
    public void repositoryIndex(RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> observer) {
        answer(observer, () -> {
            var response = RepositoryIndexResponse.newBuilder();
            for (var entry : repository.index()) {
                if (!request.getReady() || entry.state() == ModelRepository.State.READY) {
                    response.addModels(RepositoryIndexResponse.ModelIndex.newBuilder()
                            .setName(entry.name())
                            .setVersion(entry.version())
                            .setState(entry.state().name())
                            .setReason(entry.reason()));
                }
            }
            return response.build();
        });
    }

    @Override
    public void repositoryModelLoad(
            RepositoryModelLoadRequest request, StreamObserver<RepositoryModelLoadResponse> observer) {
        later(observer, () -> {
            var source = Optional.ofNullable(request.getParametersMap().get("source"))
                    .map(parameter -> parameter.getStringParam());
            control.load(ServiceRequestContext.current(), request.getModelName(), source);
            return RepositoryModelLoadResponse.getDefaultInstance();
        });
    }

    @Override
    public void repositoryModelUnload(
            RepositoryModelUnloadRequest request, StreamObserver<RepositoryModelUnloadResponse> observer) {
        later(observer, () -> {
            control.unload(ServiceRequestContext.current(), request.getModelName());
            return RepositoryModelUnloadResponse.getDefaultInstance();
        });
    }

    // --------------------------------------------------------------------------------------------------------- infer

    @Override
    public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> observer) {
        var context = ServiceRequestContext.current();
        try {
            var served = repository.hold(request.getModelName(), request.getModelVersion());
            context.setAttr(AccessLog.MODEL, served.name() + ":" + served.version());
            try {
                served.requireRoom(Inference.Scope.of(context).left());
                var read = read(request);
                var scope = Inference.Scope.of(context);
                tensors.infer(served, read, scope, context.eventLoop()).whenComplete((outputs, failed) -> {
                    served.release();
                    if (failed == null) {
                        observer.onNext(respond(served, request, outputs));
                        observer.onCompleted();
                    } else {
                        fail(context, observer, failed);
                    }
                });
            } catch (RuntimeException e) {
                served.release();
                throw e;
            }
        } catch (RuntimeException e) {
            fail(context, observer, e);
        }
    }

    private static InferRequest read(ModelInferRequest request) {
        var inputs = new ArrayList<TensorData>();
        boolean raw = request.getRawInputContentsCount() > 0;
        RequestException.requireGood(
                !raw || request.getRawInputContentsCount() == request.getInputsCount(),
                "the request has %d inputs and %d raw_input_contents: expected as many",
                request.getInputsCount(),
                request.getRawInputContentsCount());
        for (int i = 0; i < request.getInputsCount(); i++) {
            var input = request.getInputs(i);
            inputs.add(
                    raw
                            ? TensorData.ofRaw(
                                    input.getName(),
                                    input.getDatatype(),
                                    input.getShapeList(),
                                    request.getRawInputContents(i).asReadOnlyByteBuffer())
                            : new TensorData(
                                    input.getName(), input.getDatatype(), input.getShapeList(), contents(input)));
        }
        return new InferRequest(
                request.getId(),
                parameters(request.getParametersMap()),
                inputs,
                request.getOutputsList().stream()
                        .map(output -> new InferRequest.Wanted(output.getName(), parameters(output.getParametersMap())))
                        .toList());
    }

    private static TensorData.Contents contents(ModelInferRequest.InferInputTensor input) {
        var contents = input.getContents();
        return switch (input.getDatatype()) {
            case TensorData.FP32 -> {
                var values = new float[contents.getFp32ContentsCount()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = contents.getFp32Contents(i);
                }
                yield new TensorData.Contents.Floats(values);
            }
            case TensorData.UINT8 -> {
                var values = new byte[contents.getUintContentsCount()];
                for (int i = 0; i < values.length; i++) {
                    int level = contents.getUintContents(i);
                    RequestException.requireGood(
                            level >= 0 && level <= 255,
                            "'%s' has the value %s: expected whole numbers of 0 to 255",
                            input.getName(),
                            Integer.toUnsignedString(level));
                    values[i] = (byte) level;
                }
                yield new TensorData.Contents.Levels(values);
            }
            case TensorData.BYTES ->
                new TensorData.Contents.Strings(contents.getBytesContentsList().stream()
                        .map(ByteString::toByteArray)
                        .toList());
            default -> throw TensorData.unknown(input.getName(), input.getDatatype());
        };
    }

    private static Map<String, Object> parameters(Map<String, InferParameter> given) {
        var parameters = new HashMap<String, Object>();
        given.forEach((name, value) -> {
            switch (value.getParameterChoiceCase()) {
                case BOOL_PARAM -> parameters.put(name, value.getBoolParam());
                case INT64_PARAM -> parameters.put(name, value.getInt64Param());
                case UINT64_PARAM -> parameters.put(name, value.getUint64Param());
                case DOUBLE_PARAM -> parameters.put(name, value.getDoubleParam());
                case STRING_PARAM -> parameters.put(name, value.getStringParam());
                case PARAMETERCHOICE_NOT_SET -> {}
            }
        });
        return parameters;
    }

    /** Values come back as they went: raw to those who sent raw. */
    private static ModelInferResponse respond(ServedModel served, ModelInferRequest request, List<TensorData> outputs) {
        boolean raw = request.getRawInputContentsCount() > 0;
        var response = ModelInferResponse.newBuilder()
                .setModelName(served.name())
                .setModelVersion(served.version())
                .setId(request.getId());
        for (var output : outputs) {
            var tensor = ModelInferResponse.InferOutputTensor.newBuilder()
                    .setName(output.name())
                    .setDatatype(output.datatype())
                    .addAllShape(output.shape());
            if (raw) {
                response.addRawOutputContents(ByteString.copyFrom(output.raw()));
            } else {
                tensor.setContents(contents(output));
            }
            response.addOutputs(tensor);
        }
        return response.build();
    }

    private static InferTensorContents contents(TensorData output) {
        var contents = InferTensorContents.newBuilder();
        if (output.contents() instanceof TensorData.Contents.Floats floats) {
            for (float value : floats.values()) {
                contents.addFp32Contents(value);
            }
        } else if (output.contents() instanceof TensorData.Contents.Strings strings) {
            strings.values().forEach(value -> contents.addBytesContents(ByteString.copyFrom(value)));
        } else {
            throw new AssertionError(output.datatype());
        }
        return contents.build();
    }

    // ------------------------------------------------------------------------------------------------------- answers

    private static <T> void answer(StreamObserver<T> observer, Supplier<T> response) {
        var context = ServiceRequestContext.current();
        try {
            observer.onNext(response.get());
            observer.onCompleted();
        } catch (RuntimeException e) {
            fail(context, observer, e);
        }
    }

    /** Answers on a thread that may take its time, without the request's time limit. */
    private static <T> void later(StreamObserver<T> observer, Supplier<T> response) {
        var context = ServiceRequestContext.current();
        context.clearRequestTimeout(); // a large model takes its time
        context.blockingTaskExecutor().execute(() -> answer(observer, response));
    }

    private static void fail(ServiceRequestContext context, StreamObserver<?> observer, Throwable thrown) {
        var failed = RequestException.of(thrown);
        context.setAttr(Responses.FAILURE, failed);
        var trailers = new Metadata();
        failed.retryAfter().ifPresent(seconds -> trailers.put(RETRY_AFTER, String.format(Locale.ROOT, "%d", seconds)));
        observer.onError(new StatusRuntimeException(
                failed.failure().grpc().withDescription(shortened(failed.getMessage())), trailers));
    }

    /** A status of gRPC is a header, which clients expect to be short. */
    private static String shortened(String message) {
        var bytes = message.getBytes(StandardCharsets.UTF_8);
        return bytes.length <= 1000 ? message : message.substring(0, 300) + "…";
    }
}
