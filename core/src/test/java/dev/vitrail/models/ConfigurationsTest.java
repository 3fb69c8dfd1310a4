package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.t2t.T2TViTConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Components of one type are not swapped: where a value goes in by its name, it comes out by that name, and alone. */
class ConfigurationsTest {
    /** Each record whose components are changed one by one, with values that differ. */
    static Stream<Record> parts() {
        return Stream.of(
                new ImageInput(32, 48, 3),
                new Head(5, Pool.AVG, 0.1),
                new Dropouts(0.1, 0.2, 0.3, 0.4),
                new Encoder(24, 2, 3, 4.5, true, Activation.GELU, 1e-6),
                new ViTConfig.Patches(new Patch(8, 16), true, false, Optional.empty()),
                new ViTConfig.Tokens(true, false, 2, true, 0.1),
                new ViTConfig.Blocks(true, false, OptionalDouble.of(0.1), false),
                new ViTConfig.Norms(true, false, Optional.empty()),
                new T2TViTConfig.Tokens(
                        T2TViTConfig.Tokens.PAPER.splits(), T2TViTConfig.TokenAttention.PERFORMER, 64, 0.1),
                T2TViTConfig.Backbone.plain(32, 3, 4, 3),
                new ConvNeXtConfig.Stem(ConvNeXtConfig.StemType.PATCH, 4, true),
                new ConvNeXtConfig.Blocks(OptionalDouble.of(0.1), true, false, false, Activation.GELU, 1e-6),
                new ConvNeXtConfig.HeadLayers(0, false, 1e-5, 0.5),
                new ResNetConfig.Blocks(
                        ResNetConfig.BlockType.BOTTLENECK,
                        List.of(1, 2),
                        List.of(8, 16),
                        2,
                        4,
                        1,
                        Activation.RELU,
                        1e-5,
                        true),
                new ResNetV2Config.Stem(ResNetV2Config.StemType.PLAIN, 64),
                new ResNetV2Config.Blocks(List.of(1, 2), List.of(8, 16), 3, true, false, 0.5, false, true),
                new ResNetV2Config.Layers(
                        ResNetV2Config.Norm.GROUP, 8, 1e-5, ResNetV2Config.Convolution.PLAIN, 1e-6, Activation.RELU));
    }

    @ParameterizedTest
    @MethodSource("parts")
    void aChangedComponentIsTheOneOfThatName(Record part) throws ReflectiveOperationException {
        int changed = 0;
        var before = values(part);
        for (var component : part.getClass().getRecordComponents()) {
            for (var method : part.getClass().getMethods()) {
                var name = "with" + component.getName();
                if (method.getName().equalsIgnoreCase(name) && method.getParameterCount() == 1) {
                    var value = other(
                            component,
                            Objects.requireNonNull(before.get(component.getName())),
                            method.getParameterTypes()[0]);
                    var after = values((Record) method.invoke(part, value));
                    var expected = new LinkedHashMap<>(before);
                    expected.put(
                            component.getName(), component.getType() == Optional.class ? Optional.of(value) : value);
                    assertThat(after).as(method.toString()).isEqualTo(expected);
                    changed++;
                }
            }
        }
        assertThat(changed).isPositive();
    }

    private static Map<String, Object> values(Record part) throws ReflectiveOperationException {
        var values = new LinkedHashMap<String, Object>();
        for (var component : part.getClass().getRecordComponents()) {
            values.put(component.getName(), component.getAccessor().invoke(part));
        }
        return values;
    }

    /** A value that a component has not yet. */
    private static Object other(RecordComponent component, Object now, Class<?> wanted) {
        if (component.getName().equals("stem") && wanted == ViTConfig.Stem.class) {
            return ((ViTConfig) Catalog.get("vit_mini_r5_s4_gap_32").config())
                    .patches()
                    .stem()
                    .orElseThrow();
        }
        if (now instanceof Integer number) {
            return 2 * number + 1;
        }
        if (now instanceof Double number) {
            return number / 2;
        }
        if (now instanceof Boolean flag) {
            return !flag;
        }
        if (now instanceof OptionalDouble) {
            return OptionalDouble.of(0.7);
        }
        if (now instanceof Optional) {
            return true;
        }
        if (now instanceof List) {
            return List.of(24, 40);
        }
        if (now instanceof Patch) {
            return new Patch(2, 3);
        }
        return Arrays.stream(((Enum<?>) now).getDeclaringClass().getEnumConstants())
                .filter(constant ->
                        !constant.equals(now) && !List.of("DENSE", "GHOST").contains(constant.toString()))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void channelsAndSizesOfAnImageChangeByThemselves() {
        var image = new ImageInput(32, 48, 3);
        assertThat(image.withSize(16, 24)).hasToString("ImageInput[height=16, width=24, channels=3]");
        assertThat(image.withChannels(1)).hasToString("ImageInput[height=32, width=48, channels=1]");
    }

    /** What timm's constructor is told, and the parts that it makes, which name their components. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "vit_tiny_patch16_224 | embed_dim=48 depth=3 num_heads=4 mlp_ratio=2.5 qkv_bias=false act_layer=relu |"
                        + " Encoder[width=48, depth=3, heads=4, mlpRatio=2.5, qkvBias=false, activation=RELU,"
                        + " normEps=1.0E-6]",
                "vit_tiny_patch16_224 | pos_drop_rate=0.1 proj_drop_rate=0.2 attn_drop_rate=0.3 drop_path_rate=0.4"
                        + " | Dropouts[position=0.1, projection=0.2, attention=0.3, path=0.4]",
                "vit_tiny_patch16_224 | reg_tokens=2 no_embed_class=true patch_drop_rate=0.5 | Tokens[classToken=true,"
                        + " distilled=false, registers=2, positionsCoverPrefix=false, patchDropout=0.5]",
                "vit_tiny_patch16_224 | qk_norm=true init_values=0.1 mlp_layer=SwiGLUPacked | Blocks[gatedMlp=true,"
                        + " qkNorm=true, layerScale=OptionalDouble[0.1], uniformDropPath=false]",
                "vit_tiny_patch16_224 | qk_norm=true | Blocks[gatedMlp=false, qkNorm=true,"
                        + " layerScale=OptionalDouble.empty, uniformDropPath=false]",
                "vit_tiny_patch16_224 | pre_norm=true | Norms[pre=true, last=true, afterPool=Optional.empty]",
                "vit_tiny_patch16_224 | final_norm=false fc_norm=true | Norms[pre=false, last=false,"
                        + " afterPool=Optional[true]]",
                "vit_tiny_patch16_224 | dynamic_img_size=true | Patches[size=Patch[height=16, width=16],"
                        + " dynamicSize=true, dynamicPad=false, stem=Optional.empty]",
                "vit_tiny_patch16_224 | dynamic_img_pad=true patch_size=8 global_pool=avg drop_rate=0.2 |"
                        + " Patches[size=Patch[height=8, width=8], dynamicSize=false, dynamicPad=true,"
                        + " stem=Optional.empty] & Head[classes=1000, pool=AVG, dropout=0.2]",
                "cait_xxs24_224 | depth_token_only=3 mlp_ratio_token_only=2.5 init_values=0.5 drop_rate=0.2"
                        + " patch_size=8 | patch=8 & classDepth=3, classMlpRatio=2.5,"
                        + " attentionScale=OptionalDouble.empty, layerScale=0.5, head=Head[classes=1000, pool=TOKEN,"
                        + " dropout=0.2]",
                "swin_tiny_patch4_window7_224 | embed_dim=48 head_dim=24 mlp_ratio=3.0 qkv_bias=false act_layer=relu |"
                        + " Stages[width=48, depths=[2, 2, 6, 2], heads=[3, 6, 12, 24], headWidths=[24, 24, 24, 24],"
                        + " mlpRatios=[3.0, 3.0, 3.0, 3.0], qkvBias=false, attentionScale=OptionalDouble.empty,"
                        + " activation=RELU,",
                "swinv2_tiny_window8_256 | window_size=4 pretrained_window_sizes=5 strict_img_size=false"
                        + " | pretrained=[5, 5, 5, 5], fixed=true",
                "convnext_tiny | conv_mlp=true ls_init_value=0.5 norm_eps=0.25 act_layer=relu |"
                        + " Blocks[layerScale=OptionalDouble[0.5], convolvedMlp=true, convBias=true,"
                        + " responseNorm=false, activation=RELU, normEps=0.25]",
                "convnext_tiny | conv_bias=false use_grn=true"
                        + " | convolvedMlp=false, convBias=false, responseNorm=true",
                "convnext_tiny | head_hidden_size=7 head_init_scale=0.5 patch_size=2 kernel_sizes=3"
                        + " | HeadLayers[hidden=7, normFirst=false, normEps=1.0E-6, initScale=0.5]"
                        + " & Stem[type=PATCH, patch=2, norm=true] & kernels=[3, 3, 3, 3]",
                "convnext_tiny | head_norm_first=true stem_type=overlap drop_path_rate=0.2"
                        + " | hidden=0, normFirst=true & Stem[type=OVERLAP, patch=4, norm=true] & dropPath=0.2",
                "beit_base_patch16_224 | embed_dim=48 num_heads=4 init_values=0.5 drop_path_rate=0.2 |"
                        + " Encoder[width=48, depth=12, heads=4 & layerScale=0.5, absolutePositions=false &"
                        + " dropPath=0.2",
                "mixer_b16_224 | embed_dim=48 num_blocks=3 proj_drop_rate=0.1 drop_path_rate=0.2 patch_size=32 |"
                        + " patch=32, width=48, depth=3, tokenRatio=0.5, channelRatio=4.0 & dropout=0.1, dropPath=0.2",
                "resnet50 | cardinality=2 base_width=4 block_reduce_first=3 stem_width=5 down_kernel_size=7"
                        + " avg_down=true | cardinality=2, baseWidth=4, reduceFirst=3 & Stem[type=PLAIN, width=5,"
                        + " convolvedPool=false] & Shortcut[kernel=7, average=true]",
                "resnet50 | zero_init_last=false replace_stem_pool=true drop_path_rate=0.2"
                        + " | zeroInitLast=false & convolvedPool=true & average=false & dropPath=0.2",
                "resnetv2_50 | width_factor=2 stem_chs=24 bottle_ratio=0.5 avg_down=true"
                        + " | widthFactor=2, preActivation=true, plain=false, bottleRatio=0.5, averageDown=true,"
                        + " zeroInitLast=false & Stem[type=PLAIN, width=24]",
                "resnetv2_50 | basic=true zero_init_last=true | preActivation=true, plain=true & averageDown=false,"
                        + " zeroInitLast=true"
            })
    void anArgumentReachesTheComponentOfItsName(String variant, String arguments, String expected) {
        var values = Arrays.stream(arguments.trim().split(" "))
                .map(argument -> argument.split("="))
                .collect(Collectors.toMap(pair -> pair[0], pair -> Optional.of(value(pair[1]))));
        var given = new ConstructorArguments(values);
        assertThat(Catalog.get(variant.trim()).config().withArguments(given).toString())
                .contains(expected.trim().split(" & "));
        assertThat(given.unread()).isEmpty();
    }

    private static Object value(String text) {
        if (text.matches("true|false")) {
            return Boolean.valueOf(text);
        }
        return text.matches("[\\d.]+") ? (Object) Double.valueOf(text) : text;
    }

    /** The values that constructors have by default stand where they are named. */
    @Test
    void defaultsStandWhereTheyAreNamed() {
        assertThat(ViTConfig.of(224, 16, 192, 12, 3))
                .hasToString("ViTConfig[image=ImageInput[height=224, width=224, channels=3], "
                        + "patches=Patches[size=Patch[height=16, width=16], dynamicSize=false, dynamicPad=false,"
                        + " stem=Optional.empty], "
                        + "tokens=Tokens[classToken=true, distilled=false, registers=0, positionsCoverPrefix=true,"
                        + " patchDropout=0.0], "
                        + "encoder=Encoder[width=192, depth=12, heads=3, mlpRatio=4.0, qkvBias=true, activation=GELU,"
                        + " normEps=1.0E-6], "
                        + "blocks=Blocks[gatedMlp=false, qkNorm=false, layerScale=OptionalDouble.empty,"
                        + " uniformDropPath=false], "
                        + "norms=Norms[pre=false, last=true, afterPool=Optional.empty], "
                        + "head=Head[classes=1000, pool=TOKEN, dropout=0.0], "
                        + "dropouts=Dropouts[position=0.0, projection=0.0, attention=0.0, path=0.0], weightInit=TIMM]");
    }
}
