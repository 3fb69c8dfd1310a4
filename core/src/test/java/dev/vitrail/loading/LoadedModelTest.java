package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.vitrail.Vitrail;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.WeightInit;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.hub.Hub;
import dev.vitrail.weights.hub.HubSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How models are found, and how they are described so that they are found again. */
class LoadedModelTest {
    @TempDir
    Path folder = Path.of("");

    /** A folder of {@code variant}, of another pool, 3 classes and another image than the variant has. */
    private Path write(String name, String variant, String pool, String modelArgs) {
        var config =
                Catalog.get(variant).config().withClasses(3).withImage(48, 40).withPool(pool);
        try (var model = config.create()) {
            model.initialise(1, Device.CPU, WeightInit.ORIGINAL);
            var text =
                    """
                    {"architecture": "%s", "num_classes": 3, "model_args": %s, "pretrained_cfg": {"input_size": [3, 48, 40]}}
                    """;
            var description = FolderConfig.parse(text.formatted(variant, modelArgs), "test");
            return ModelFolder.write(folder.resolve(name), description, Checkpoint.of(model))
                    .path();
        }
    }

    private static float[] logits(LoadedModel loaded) {
        var input = loaded.preprocessing();
        var values = new float[input.values()];
        var random = new Random(7);
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
        }
        return Frame.compute(() -> {
            try (var off = Gradients.off()) {
                var image = Tensor.of(values, 1, input.channels(), input.height(), input.width());
                return loaded.model().apply(image).toFloats();
            }
        });
    }

    @ParameterizedTest
    @CsvSource({
        "vit_mini_patch4_32, avg",
        "vit_mini_patch4_gap_32, avgmax",
        "cait_mini_32, avg",
        "resnet_mini_32, catavgmax",
        "resnetv2_mini_32_bit, avgmax",
        "convnext_mini_32, max",
        "compact_vit_mini_32, avg"
    })
    void whatIsWrittenOfAModelWithAnotherPoolGivesThatModelAgain(String variant, String pool) {
        var first = write("first", variant, pool, "{\"global_pool\": \"%s\"}".formatted(pool));
        try (var loaded = LoadedModel.load(first.toString(), LoadOptions.DEFAULT)) {
            assertThat(loaded.model().config().poolName()).isEqualTo(pool);
            var description = loaded.description(List.of("a", "b", "c"));
            assertThat(description.globalPool()).contains(pool);
            var again = folder.resolve("again");
            ModelFolder.write(again, description, Checkpoint.of(loaded.model()));
            try (var back = LoadedModel.load(again.toString(), LoadOptions.DEFAULT)) {
                assertThat(back.model().config()).isEqualTo(loaded.model().config());
                assertThat(back.preprocessing()).isEqualTo(loaded.preprocessing());
                assertThat(logits(back)).isEqualTo(logits(loaded)).hasSize(3);
            }
        }
    }

    @Test
    void vitPytorchsNameOfAPoolIsReadAsTimms() {
        var model = write("first", "compact_vit_mini_32", "mean", "{\"global_pool\": \"mean\"}");
        try (var loaded = LoadedModel.load(model.toString(), LoadOptions.DEFAULT)) {
            assertThat(loaded.model().config().poolName()).isEqualTo("avg");
        }
    }

    @Test
    void aDescriptionNamesThePoolAsAnArgumentOnlyWhereItIsNotTheArchitecturesOwn() {
        try (var loaded = LoadedModel.load("resnet_mini_32", LoadOptions.DEFAULT)) {
            var description = loaded.description(List.of());
            assertThat(description.globalPool()).contains("avg");
            assertThat(description.modelArgs()).isEmpty();
        }
        var path = write("max", "resnet_mini_32", "max", "{\"global_pool\": \"max\"}");
        try (var loaded = LoadedModel.load(path.toString(), LoadOptions.DEFAULT)) {
            assertThat(loaded.description(List.of()).modelArgs()).containsEntry("global_pool", "\"max\"");
        }
    }

    @Test
    void aNameOfTheTableIsFetchedFromWhereTheTableSays() {
        assertThatThrownBy(() -> load("vit_base_patch16_clip_quickgelu_224.openai"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("of timm/vit_base_patch16_clip_224.openai is not in the cache");
        assertThatThrownBy(() -> load("vit_huge_patch14_gap_224.in1k_ijepa"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("are not on the hub but at https://")
                .hasMessageContaining("--arch vit_huge_patch14_gap_224");
    }

    @Test
    void anUnknownTagIsRefusedWithTheKnownOnes() throws IOException {
        var known = "; the nearest of the known weights of vit_tiny_patch16_224 are augreg_in21k, augreg_in21k_ft_in1k";
        assertThatThrownBy(() -> load("vit_tiny_patch16_224.augreg_typo"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("HF_HUB_OFFLINE")
                .hasMessageEndingWith(known);
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("X-Error-Code", "RepoNotFound");
            exchange.sendResponseHeaders(401, -1);
            exchange.close();
        });
        server.start();
        try {
            var endpoint = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
            assertThatThrownBy(() -> load("vit_tiny_patch16_224.augreg_typo", endpoint, false))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("does not exist or is private")
                    .hasMessageEndingWith(known);
        } finally {
            server.stop(0);
        }
    }

    private void load(String name) {
        load(name, URI.create("http://127.0.0.1"), true);
    }

    private void load(String name, URI endpoint, boolean offline) {
        var settings = new HubSettings(endpoint, folder.resolve("hub"), Optional.empty(), offline);
        ModelFinder.load(name, LoadOptions.DEFAULT, () -> new Hub(settings)).close();
    }

    @Test
    void nothingIsClassifiedWithRandomWeightsByAccident() {
        assertThatThrownBy(() -> Vitrail.load("vit_tiny_patch16_224"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("vit_tiny_patch16_224.augreg_in21k_ft_in1k, vit_tiny_patch16_224.augreg_in21k;");
        assertThatThrownBy(() -> Vitrail.load("vit_mini_patch4_32"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("without trained weights");
        try (var meant = new Vitrail(LoadedModel.load("vit_mini_patch4_32", LoadOptions.DEFAULT))) {
            assertThat(meant.loaded().pretrained()).isFalse();
        }
    }
}
