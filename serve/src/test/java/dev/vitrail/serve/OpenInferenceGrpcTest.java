package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import com.linecorp.armeria.client.grpc.GrpcClients;
import dev.vitrail.Vitrail;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.serve.protocol.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import dev.vitrail.serve.protocol.InferTensorContents;
import dev.vitrail.serve.protocol.ModelInferRequest;
import dev.vitrail.serve.protocol.ModelInferRequest.InferInputTensor;
import dev.vitrail.serve.protocol.ModelInferRequest.InferRequestedOutputTensor;
import dev.vitrail.serve.protocol.ModelMetadataRequest;
import dev.vitrail.serve.protocol.ModelReadyRequest;
import dev.vitrail.serve.protocol.RepositoryIndexRequest;
import dev.vitrail.serve.protocol.RepositoryModelUnloadRequest;
import dev.vitrail.serve.protocol.ServerLiveRequest;
import dev.vitrail.serve.protocol.ServerMetadataRequest;
import dev.vitrail.serve.protocol.ServerReadyRequest;
import io.grpc.StatusRuntimeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The Open Inference Protocol over gRPC, on the same port: the library's numbers. */
class OpenInferenceGrpcTest {
    private static final byte[] PICTURE = TestServer.picture(3);

    @SuppressWarnings("NullAway.Init")
    private static TestServer server;

    @SuppressWarnings("NullAway.Init")
    private static GRPCInferenceServiceBlockingStub client;

    @SuppressWarnings("NullAway.Init")
    private static float[] logits;

    @SuppressWarnings("NullAway.Init")
    private static float[] prepared;

    @BeforeAll
    static void start() {
        var limits =
                new ServerOptions.Limits(100_000, 10_000, 16_384, Duration.ofSeconds(60), Duration.ofSeconds(30), 16);
        server = TestServer.ready(ServerOptions.DEFAULT.withLimits(limits));
        client = GrpcClients.builder("http://127.0.0.1:" + server.server.port())
                .responseTimeoutMillis(60_000)
                .build(GRPCInferenceServiceBlockingStub.class);
        try (var direct = new Vitrail(TestServer.model("1"))) {
            var picture = ImageDecoder.decode(PICTURE, "it", DecodeOptions.DEFAULT);
            logits = direct.logits(List.of(picture)).get(0);
            var input = direct.loaded().preprocessing();
            prepared = new float[input.values()];
            input.toFloats(picture, prepared, 0);
        }
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void serverAndModelDescribeThemselves() {
        assertThat(client.serverLive(ServerLiveRequest.getDefaultInstance()).getLive())
                .isTrue();
        assertThat(client.serverReady(ServerReadyRequest.getDefaultInstance()).getReady())
                .isTrue();
        assertThat(client.serverMetadata(ServerMetadataRequest.getDefaultInstance())
                        .getName())
                .isEqualTo("vitrail");
        assertThat(client.modelReady(
                                ModelReadyRequest.newBuilder().setName("small").build())
                        .getReady())
                .isTrue();
        var metadata = client.modelMetadata(
                ModelMetadataRequest.newBuilder().setName("small").build());
        assertThat(metadata.getInputs(2).getShapeList()).containsExactly(-1L, 3L, 32L, 32L);
        assertThat(metadata.getOutputs(0).getName()).isEqualTo("logits");
        var index = client.repositoryIndex(RepositoryIndexRequest.getDefaultInstance());
        assertThat(index.getModels(0).getState()).isEqualTo("READY");
    }

    @Test
    void rawTensorComesBackRaw() {
        var values = ByteBuffer.allocate(4 * prepared.length).order(ByteOrder.LITTLE_ENDIAN);
        values.asFloatBuffer().put(prepared);
        var response = client.modelInfer(ModelInferRequest.newBuilder()
                .setModelName("small")
                .setId("a7")
                .addInputs(InferInputTensor.newBuilder()
                        .setName("input")
                        .setDatatype("FP32")
                        .addAllShape(List.of(1L, 3L, 32L, 32L)))
                .addRawInputContents(ByteString.copyFrom(values.array()))
                .build());
        assertThat(response.getId()).isEqualTo("a7");
        assertThat(response.getModelVersion()).isEqualTo("1");
        assertThat(response.getOutputs(0).getShapeList()).containsExactly(1L, 3L);
        var raw = response.getRawOutputContents(0).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        for (float logit : logits) {
            assertThat(raw.getFloat()).isCloseTo(logit, within(1e-5f));
        }
    }

    private static ModelInferRequest.Builder ofFile(byte[] file) {
        return ModelInferRequest.newBuilder()
                .setModelName("small")
                .addInputs(InferInputTensor.newBuilder()
                        .setName("image")
                        .setDatatype("BYTES")
                        .addShape(1)
                        .setContents(InferTensorContents.newBuilder().addBytesContents(ByteString.copyFrom(file))));
    }

    @Test
    void fileGivesTypedContents() {
        var response = client.modelInfer(ofFile(PICTURE)
                .addOutputs(InferRequestedOutputTensor.newBuilder().setName("logits"))
                .addOutputs(InferRequestedOutputTensor.newBuilder().setName("embeddings"))
                .build());
        assertThat(response.getOutputsCount()).isEqualTo(2);
        for (int i = 0; i < logits.length; i++) {
            assertThat(response.getOutputs(0).getContents().getFp32Contents(i)).isCloseTo(logits[i], within(1e-5f));
        }
        assertThat((long) response.getOutputs(1).getContents().getFp32ContentsCount())
                .isEqualTo(response.getOutputs(1).getShape(1));
    }

    @Test
    void failuresHaveTheirStatus() {
        assertThatThrownBy(() -> client.modelInfer(ofFile(new byte[] {1, 2, 3}).build()))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("INVALID_ARGUMENT")
                .hasMessageContaining("image[0] is not an image");
        assertThatThrownBy(() ->
                        client.modelInfer(ofFile(PICTURE).setModelName("none").build()))
                .hasMessageContaining("NOT_FOUND");
        assertThatThrownBy(() -> client.repositoryModelUnload(RepositoryModelUnloadRequest.newBuilder()
                        .setModelName("small")
                        .build()))
                .hasMessageContaining("PERMISSION_DENIED");
    }

    @Test
    void messageOverTheLimitGetsAStatusOfGrpc() {
        assertThatThrownBy(() -> client.modelInfer(ofFile(new byte[200_000]).build()))
                .hasMessageContaining("RESOURCE_EXHAUSTED");
    }

    @Test
    void deadlineOfTheClientIsKept() {
        assertThatThrownBy(() -> client.withDeadlineAfter(1, TimeUnit.MICROSECONDS)
                        .modelInfer(ofFile(PICTURE).build()))
                .hasMessageContaining("DEADLINE_EXCEEDED");
    }
}
