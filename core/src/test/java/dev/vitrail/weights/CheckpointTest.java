package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.LoadedModel;
import dev.vitrail.models.Catalog;
import dev.vitrail.models.Variant;
import dev.vitrail.nn.Parameters;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which tensors of a checkpoint get into a model, and which are refused. */
class CheckpointTest {
    private static final Variant MINI = Catalog.get("vit_mini_patch4_32");

    @TempDir
    Path folder = Path.of("");

    private static LoadedModel load(Path file, boolean ema) {
        return LoadedModel.load(
                file.toString(),
                LoadedModel.Options.DEFAULT
                        .withArchitecture(Optional.of(MINI.name()))
                        .withEma(ema));
    }

    private static float firstBias(LoadedModel loaded) {
        return Parameters.of(loaded.model(), "norm.bias").value().toFloats()[0];
    }

    /** A PyTorch file of the miniature under these names; all numbers of the first nest are 1, of the second 2. */
    private Path nested(String... nests) throws IOException {
        var pickle = Pickle.start().ascii("}(");
        int most = 1 << 16;
        var storage = ByteBuffer.allocate(2 * most * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 2 * most; i++) {
            storage.putFloat(i < most ? 1 : 2);
        }
        try (var model = MINI.create()) {
            for (int i = 0; i < nests.length; i++) {
                pickle.text(nests[i]).ascii("}(");
                int offset = i * most;
                model.parameters().forEach((name, parameter) -> {
                    var shape = parameter.shape();
                    pickle.text(name).tensor("0", 2L * most, offset, shape, strides(shape));
                });
                pickle.ascii("u");
            }
        }
        return Files.write(
                folder.resolve("both.pth"), Pickle.zip(pickle.ascii("u").end(), storage.array()));
    }

    private static long[] strides(long[] shape) {
        var strides = new long[shape.length];
        long step = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = step;
            step *= shape[i];
        }
        return strides;
    }

    @Test
    void whoeverAsksGetsTheAverages() throws IOException {
        var file = nested("state_dict", "state_dict_ema");
        try (var trained = load(file, false);
                var averaged = load(file, true)) {
            assertThat(firstBias(trained)).isEqualTo(1);
            assertThat(trained.notes()).isEmpty();
            assertThat(firstBias(averaged)).isEqualTo(2);
            assertThat(averaged.notes())
                    .containsExactly("the averaged weights (EMA) of %s were loaded".formatted(file));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"state_dict_ema", "model_ema"})
    void averagesAloneAreLoadedAndToldOf(String nest) throws IOException {
        try (var loaded = load(nested(nest), false)) {
            assertThat(firstBias(loaded)).isEqualTo(1);
            assertThat(loaded.notes()).anyMatch(note -> note.startsWith("the averaged weights (EMA) of "));
        }
    }

    @Test
    void averagesThatAreNotThereAreRefused() throws IOException {
        var file = nested("model");
        assertRefused(() -> load(file, true), "holds no averaged weights");
    }
}
