package dev.vitrail.models.zoo;

import dev.vitrail.models.Variant;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Published weights of a variant, as timm (1.0) records them: where they are, and what images they expect.
 *
 * @param variant the variant's name, such as {@code vit_tiny_patch16_224}
 * @param tag names the training, such as {@code augreg_in21k_ft_in1k}
 * @param hubId repository on the Hugging Face hub, whose file {@link #HUB_FILE} holds the weights; empty if it
 *     is not there
 * @param url where the authors publish the weights, in a format of their own; empty if nowhere
 * @param input the images that they expect
 * @param classes rows of the classifier; 0 where there is none
 * @param firstConvolution name of the layer that sees the image's channels, in timm's model
 * @param classifiers names of the classifiers, in timm's model
 * @param licence by its SPDX or hub name, as timm's configuration has it; empty where it has none
 * @param multiplyAccumulates of one image of that size; empty where nobody has counted them
 * @param accuracy on ImageNet-1k; empty where timm has not measured it
 */
public record Pretrained(
        String variant,
        String tag,
        Optional<String> hubId,
        Optional<String> url,
        Input input,
        int classes,
        String firstConvolution,
        List<String> classifiers,
        Optional<String> licence,
        OptionalLong multiplyAccumulates,
        Optional<Accuracy> accuracy) {
    /**
     * The images that weights expect.
     *
     * @param channels colour channels
     * @param height pixels
     * @param width pixels
     * @param cropShare side of the centre crop over the side of the resized image
     * @param cropMode {@code center}: the shorter side is resized, then the centre cropped; {@code squash}: both sides
     *     are resized, without regard to their ratio
     * @param interpolation {@code bicubic} or {@code bilinear}
     * @param mean of each channel, taken from values in [0, 1]
     * @param std of each channel, divides what remains
     */
    public record Input(
            int channels,
            int height,
            int width,
            double cropShare,
            String cropMode,
            String interpolation,
            List<Double> mean,
            List<Double> std) {}

    /**
     * Accuracy on the 50,000 validation images of ImageNet-1k, from timm's {@code results-imagenet.csv}.
     *
     * @param top1 per cent
     * @param top5 per cent
     * @param pixels side of the images that it was measured on, which may exceed {@link Input#height}
     * @param cropShare side of their centre crop over the side of the resized image
     */
    public record Accuracy(double top1, double top5, int pixels, double cropShare) {}

    /** The file with the weights in a repository of the hub. */
    public static final String HUB_FILE = "model.safetensors";

    /** The variant's and the weights' name together, such as {@code vit_tiny_patch16_224.augreg_in21k_ft_in1k}. */
    public String name() {
        return variant + "." + tag;
    }

    /** A variant with the classes and the image size of these weights. */
    public Variant configured(Variant variant) {
        var config = variant.config();
        var sized = input.height() == config.imageHeight() && input.width() == config.imageWidth()
                ? config
                : config.withImage(input.height(), input.width());
        return new Variant(variant.name(), variant.family(), sized.withClasses(classes), variant.origin());
    }

    /** {@link #multiplyAccumulates} in thousands of millions. */
    public OptionalDouble gmacs() {
        return multiplyAccumulates.isPresent()
                ? OptionalDouble.of(multiplyAccumulates.getAsLong() / 1e9)
                : OptionalDouble.empty();
    }

    /** All published weights of a variant; the first is what its name means without a tag. */
    public static List<Pretrained> of(String variant) {
        return Table.BY_VARIANT.getOrDefault(variant, List.of());
    }

    /**
     * The published weights of that name.
     *
     * @param name {@code variant.tag}, or {@code variant} for its first
     */
    public static Optional<Pretrained> find(String name) {
        int dot = name.indexOf('.');
        if (dot < 0) {
            return of(name).stream().findFirst();
        }
        return of(name.substring(0, dot)).stream()
                .filter(weights -> weights.tag.equals(name.substring(dot + 1)))
                .findFirst();
    }

    /**
     * The images that a variant is trained on by default: those of its first published weights, else those that the
     * authors of the variant record without weights. Empty for miniatures, and where the authors leave it open.
     */
    public static Optional<Input> input(String variant) {
        return of(variant).stream()
                .findFirst()
                .map(Pretrained::input)
                .or(() -> Optional.ofNullable(Table.UNTRAINED.get(variant)));
    }

    /** All published weights. */
    public static List<Pretrained> all() {
        return Table.BY_VARIANT.values().stream().flatMap(List::stream).toList();
    }

    /** Read when first asked for. */
    private static final class Table {
        private static final Map<String, List<Pretrained>> BY_VARIANT = rows("pretrained.tsv").stream()
                .map(Table::parse)
                .collect(Collectors.groupingBy(
                        Pretrained::variant, LinkedHashMap::new, Collectors.toUnmodifiableList()));

        /**
         * Preprocessing of variants without published weights, in columns of the same names: timm's configurations that
         * it calls untrained, the validation of T2T-ViT's and ConvNeXt's own code, and for DeiT III's tiny model that
         * of its larger ones.
         */
        private static final Map<String, Input> UNTRAINED = rows("untrained.tsv").stream()
                .collect(Collectors.toUnmodifiableMap(row -> row.apply("variant"), Table::input));

        /** The cells of each row by their columns. */
        private static List<Function<String, String>> rows(String table) {
            var resource = Objects.requireNonNull(Pretrained.class.getResourceAsStream(table));
            try (var lines = new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8))) {
                var columns = List.of(Objects.requireNonNull(lines.readLine()).split("\t", -1));
                return lines.lines()
                        .map(line -> line.split("\t", -1))
                        .<Function<String, String>>map(cells -> column -> cells[columns.indexOf(column)])
                        .toList();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static Input input(Function<String, String> cell) {
            return new Input(
                    Integer.parseInt(cell.apply("channels")),
                    Integer.parseInt(cell.apply("height")),
                    Integer.parseInt(cell.apply("width")),
                    Double.parseDouble(cell.apply("crop_pct")),
                    cell.apply("crop_mode"),
                    cell.apply("interpolation"),
                    numbers(cell.apply("mean")),
                    numbers(cell.apply("std")));
        }

        private static Pretrained parse(Function<String, String> cell) {
            return new Pretrained(
                    cell.apply("variant"),
                    cell.apply("tag"),
                    present(cell.apply("hub_id")),
                    present(cell.apply("url")),
                    input(cell),
                    Integer.parseInt(cell.apply("classes")),
                    cell.apply("first_conv"),
                    List.of(cell.apply("classifiers").split(",")),
                    present(cell.apply("licence")),
                    present(cell.apply("macs"))
                            .map(macs -> OptionalLong.of(Long.parseLong(macs)))
                            .orElse(OptionalLong.empty()),
                    present(cell.apply("top1"))
                            .map(top1 -> new Accuracy(
                                    Double.parseDouble(top1),
                                    Double.parseDouble(cell.apply("top5")),
                                    Integer.parseInt(cell.apply("top1_pixels")),
                                    Double.parseDouble(cell.apply("top1_crop_pct")))));
        }

        private static Optional<String> present(String cell) {
            return cell.isEmpty() ? Optional.empty() : Optional.of(cell);
        }

        private static List<Double> numbers(String cell) {
            return Arrays.stream(cell.split(",")).map(Double::valueOf).toList();
        }
    }
}
