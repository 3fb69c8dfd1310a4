package dev.vitrail.models.zoo;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.FlopCounter;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.CheckpointFormat;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Manifests.Entry;
import dev.vitrail.models.zoo.Manifests.Manifest;
import dev.vitrail.models.zoo.Manifests.Role;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every model of the catalogue against what its original code base says of it. */
class ManifestTest {
    /** Models of other code bases that the catalogue has by another name. */
    private static final Map<String, String> ALIASES = Map.ofEntries(
            Map.entry("deit_official/deit_small_patch16_LS", "deit3_small_patch16_224"),
            Map.entry("deit_official/deit_base_patch16_LS", "deit3_base_patch16_224"),
            Map.entry("deit_official/deit_large_patch16_LS", "deit3_large_patch16_224"),
            Map.entry("deit_official/cait_S24_224", "cait_s24_224"),
            Map.entry("deit_official/cait_XXS24_224", "cait_xxs24_224"),
            Map.entry("swin_official/swinv2_tiny_patch4_window8_256", "swinv2_tiny_window8_256"),
            Map.entry("swin_official/swinv2_tiny_patch4_window16_256", "swinv2_tiny_window16_256"),
            Map.entry("swin_official/swinv2_small_patch4_window8_256", "swinv2_small_window8_256"),
            Map.entry("swin_official/swinv2_base_patch4_window8_256", "swinv2_base_window8_256"),
            Map.entry("vit_pytorch/ViT_B16_readme", "compact_vit_patch32_256"),
            Map.entry("vit_pytorch/ViT_tiny16", "compact_vit_tiny_patch16_224"),
            Map.entry("vit_pytorch/ViT_B16_mean", "compact_vit_base_patch16_224_mean"),
            Map.entry("vit_pytorch/SimpleViT_readme", "simple_vit_patch32_256"),
            Map.entry("vit_pytorch/T2TViT_readme", "compact_t2t_vit_224"),
            Map.entry("vit_pytorch/CaiT_readme", "compact_cait_patch32_256"));

    /** Manifests of models that the catalogue leaves out, and why. */
    private static final Map<String, String> LEFT_OUT = Map.ofEntries(
            entry("timm/vit_small_patch16_18x2_224", "two attentions in parallel in each block"),
            entry("timm/vit_base_patch16_18x2_224", "two attentions in parallel in each block"),
            entry("timm/vit_base_patch16_rpn_224", "normalises after each branch, not before"),
            entry("timm/vit_base_patch16_xp_224", "attention and MLP in parallel"),
            entry("timm/vit_large_patch14_xp_224", "attention and MLP in parallel"),
            entry("timm/vit_huge_patch14_xp_224", "attention and MLP in parallel"),
            entry("timm/vit_pwee_patch16_reg1_gap_256", "attention and MLP in parallel"),
            entry("timm/vit_dwee_patch16_reg1_gap_256", "differential attention"),
            entry("timm/vit_dpwee_patch16_reg1_gap_256", "differential attention"),
            entry("timm/vit_dlittle_patch16_reg1_gap_256", "differential attention"),
            entry("timm/convnext_atto_rms", "normalises by the root of the mean square"),
            entry("timm/convnext_zepto_rms", "normalises by the root of the mean square"),
            entry("timm/convnext_zepto_rms_ols", "normalises by the root of the mean square"));

    /**
     * Models that no manifest describes: miniatures of ours, and sizes that stand in their authors' papers
     * or code alone.
     */
    private static final Set<String> WITHOUT_MANIFEST = Set.of(
            "vit_mini_patch4_32",
            "vit_mini_patch4_gap_32",
            "vit_mini_patch6_48",
            "vit_tiny_d6_patch4_32",
            "vit_tiny_d6_patch6_48",
            "resnet_mini_32",
            "resnet20_mini_32",
            "vit_mini_r5_s4_gap_32",
            "deit_mini_distilled_patch4_32",
            "deit3_mini_patch4_32",
            "resnetv2_mini_32_bit",
            "convnext_mini_32",
            "convnext_isotropic_small",
            "convnext_isotropic_base",
            "convnext_isotropic_large",
            "t2t_vit_14_384",
            "t2t_mini_32",
            "t2t_mini_32_dense",
            "t2t_mini_32_wide",
            "t2t_mini_32_se",
            "t2t_mini_32_resnext",
            "t2t_mini_32_ghost",
            "swin_mini_32",
            "swinv2_mini_32",
            "cait_mini_32",
            "compact_vit_mini_32",
            "simple_vit_mini_32",
            "compact_t2t_mini_32",
            "compact_cait_mini_32");

    private static Optional<Variant> variant(Manifest manifest) {
        return Catalog.find(ALIASES.getOrDefault(manifest.toString(), manifest.model()));
    }

    static Stream<Manifest> catalogued() {
        return Manifests.all().stream().filter(manifest -> variant(manifest).isPresent());
    }

    @ParameterizedTest
    @MethodSource("catalogued")
    void holdsTheOriginalsTensors(Manifest manifest) {
        var variant = variant(manifest).orElseThrow();
        try (var model = variant.create()) {
            var format = variant.family().formats().stream()
                    .filter(d -> d.recognises().test(manifest.tensors().keySet()))
                    .findFirst();
            assertThat(tensorsOf(model, format.isPresent())).isEqualTo(expected(manifest, variant.family(), format));
            assertThat(model.parameterCount()).isEqualTo(manifest.parameters());
            assertThat(trained(model)).isEqualTo(manifest.trained());
        }
    }

    @ParameterizedTest
    @MethodSource("catalogued")
    void multipliesAsOftenAsTheOriginal(Manifest manifest) {
        try (var model = variant(manifest).orElseThrow().create();
                var frame = Frame.open()) {
            var image =
                    Tensor.empty(DType.F32, Device.META, 1, manifest.channels(), manifest.height(), manifest.width());
            assertThat(FlopCounter.of(
                                    () -> assertThat(model.apply(image).shape()).containsExactly(1, manifest.classes()))
                            .multiplyAccumulates())
                    .isEqualTo(manifest.multiplyAccumulates());
        }
    }

    @Test
    void everyManifestIsInTheCatalogueOrLeftOutForAReason() {
        var missing = Manifests.all().stream()
                .filter(manifest -> variant(manifest).isEmpty())
                .map(Manifest::toString)
                .collect(Collectors.toSet());
        assertThat(missing).isEqualTo(LEFT_OUT.keySet());
    }

    @Test
    void everyModelOfTheCatalogueHasAManifestOrIsOurs() {
        var original = catalogued()
                .map(manifest -> variant(manifest).orElseThrow().name())
                .collect(Collectors.toSet());
        assertThat(Catalog.variants())
                .extracting(Variant::name)
                .filteredOn(name -> !original.contains(name))
                .containsExactlyInAnyOrderElementsOf(WITHOUT_MANIFEST);
    }

    /** A clone without the originals' manifests still has all of them. */
    @Test
    void archivesAreComplete() {
        assertThat(Manifests.all()).hasSize(234);
    }

    private static Map<String, Entry> expected(
            Manifest manifest, ModelFamily family, Optional<CheckpointFormat> format) {
        if (format.isEmpty()) {
            return new TreeMap<>(manifest.tensors());
        }
        var renamed = new TreeMap<String, Entry>();
        manifest.tensors().forEach((name, entry) -> {
            if (!family.derives(name)) {
                format.get().rename().apply(name).ifPresent(ours -> renamed.put(ours, squeezed(entry)));
            }
        });
        return renamed;
    }

    private static Map<String, Entry> tensorsOf(Model model, boolean squeezed) {
        Function<Entry, Entry> shape = squeezed ? ManifestTest::squeezed : entry -> entry;
        var tensors = new TreeMap<String, Entry>();
        model.parameters()
                .forEach((name, parameter) -> tensors.put(
                        name,
                        shape.apply(new Entry(
                                Arrays.stream(parameter.shape()).boxed().toList(),
                                parameter.dtype().name(),
                                parameter.isBuffer()
                                        ? Role.BUFFER
                                        : parameter.isTrainable() ? Role.TRAINED : Role.FIXED))));
        return tensors;
    }

    /** A loader reshapes where shapes differ in sides of 1 alone. */
    private static Entry squeezed(Entry entry) {
        return new Entry(entry.shape().stream().filter(side -> side != 1).toList(), entry.dtype(), entry.role());
    }

    private static long trained(Model model) {
        return model.parameters().values().stream()
                .filter(parameter -> parameter.isTrainable())
                .mapToLong(parameter -> parameter.count())
                .sum();
    }
}
