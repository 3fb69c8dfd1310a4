package dev.vitrail.weights.torch;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.Golden;
import dev.vitrail.weights.StoredTensor;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TorchFileTest {
    static Stream<JsonNode> files() {
        return StreamSupport.stream(Golden.json("ckpt_pth.json").get("files").spliterator(), false);
    }

    static Stream<String> names() {
        return files().map(file -> file.get("file").asText());
    }

    @ParameterizedTest
    @MethodSource("files")
    void givesTheExpectedWeights(JsonNode file) {
        String name = file.get("file").asText();
        var expected = Golden.expected("ckpt_pth");
        boolean exact = file.get("exact").asBoolean();
        boolean ema = file.get("use_ema").asBoolean();

        var mapped = TorchFile.read(Golden.CHECKPOINTS.resolve(name), ema);
        var inMemory = TorchFile.read(Golden.bytes(name), name, ema);

        assertThat(mapped.names()).containsExactlyElementsOf(expected.names());
        for (var tensor : mapped) {
            var wanted = expected.get(tensor.name());
            assertThat(tensor.shape()).isEqualTo(wanted.shape());
            assertThat(tensor.dtype()).isEqualTo(exact ? DType.F32 : DType.F16);
            assertThat(tensor.bytes().isDirect()).isTrue();
            assertThat(tensor.bytes().alignmentOffset(0, tensor.dtype().bytes()))
                    .isZero();
            assertThat(tensor.bytes()).isEqualTo(inMemory.get(tensor.name()).bytes());
            if (exact) {
                assertThat(tensor.toFloats()).isEqualTo(wanted.toFloats());
            } else {
                var values = tensor.toFloats();
                var wantedValues = wanted.toFloats();
                for (int i = 0; i < values.length; i++) {
                    assertThat((double) values[i])
                            .isCloseTo(wantedValues[i], offset(1e-7 + Math.abs(wantedValues[i]) / 2048));
                }
            }
        }
    }

    @Test
    void takesTheTrainedWeightsUnlessAskedForTheAveragedOnes() {
        var file = Golden.CHECKPOINTS.resolve("ckpt_pth_model_ema_zip.pth");
        var trained = TorchFile.read(file).get("head.weight").toFloats();
        var averaged = TorchFile.read(file, true).get("head.weight").toFloats();
        assertThat(Arrays.equals(trained, averaged)).isFalse();
    }

    @Test
    void keepsPlainValuesBesideTheWeightsAndIgnoresTheCommandLine() {
        var dict = TorchFile.read(Golden.CHECKPOINTS.resolve("ckpt_pth_model_args_epoch_legacy.pth"));
        assertThat(dict.metadata()).containsExactly(Map.entry("epoch", "299"));
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyTruncationIsRefusedInOneWay(String name) {
        var whole = Golden.bytes(name);
        for (int length = 0; length < whole.length; length += length < 100 ? 1 : 83) {
            var cut = Arrays.copyOf(whole, length);
            assertRefused(() -> TorchFile.read(cut, name, false), name);
        }
    }

    /** A flipped byte may still be a sound file with other values; what it may not do is fail in another way. */
    @ParameterizedTest
    @MethodSource("names")
    void everyFlippedByteIsReadOrRefused(String name) {
        var whole = Golden.bytes(name);
        for (int i = 0; i < whole.length; i += i < 100 ? 1 : 37) {
            for (int flip : new int[] {0x01, 0x80}) {
                var damaged = whole.clone();
                damaged[i] ^= (byte) flip;
                try {
                    TorchFile.read(damaged, name, true).forEach(StoredTensor::toFloats);
                } catch (VitrailException e) {
                    assertThat(e.getMessage()).contains(name);
                }
            }
        }
    }
}
