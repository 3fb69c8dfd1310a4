package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The {@code preprocessor_config.json} of the transformers library: how its image processors, and the feature
 * extractors before them, prepare images.
 *
 * <p>A size is a number, a pair, {@code height} and {@code width}, or a {@code shortest_edge}: which of the first two
 * meanings a number has depends on the processor. What the file leaves out is the processor's default.
 *
 * @param height rows of the network's input, pixels
 * @param width columns of the network's input
 * @param cropPct the side of the crop over the side that it is cut from
 * @param cropMode how the shape is fitted
 * @param interpolation how images are resized
 * @param mean subtracted per channel, of values from 0 to 1
 * @param std divided by per channel
 * @param notes what had to be guessed or is done otherwise, in sentences for a person
 */
public record TransformersPreparation(
        int height,
        int width,
        double cropPct,
        CropMode cropMode,
        Interpolation interpolation,
        List<Double> mean,
        List<Double> std,
        List<String> notes) {
    public static final String FILE = "preprocessor_config.json";

    /** Side from which on ConvNeXt's processor resizes without regard to the shape, and cuts nothing. */
    private static final int LEAST_WARPED = 384;

    private static final Normalization CLIP =
            new Normalization(List.of(0.48145466, 0.4578275, 0.40821073), List.of(0.26862954, 0.26130258, 0.27577711));

    /** Pillow's numbers for its filters, which the files have. */
    private static final List<Interpolation> FILTERS = List.of(
            Interpolation.NEAREST,
            Interpolation.LANCZOS,
            Interpolation.BILINEAR,
            Interpolation.BICUBIC,
            Interpolation.BOX,
            Interpolation.HAMMING);

    /** The processors of the families' models, with what they do where a file does not say. */
    private enum Processor {
        VIT("ViTImageProcessor", true, 224, 0, Interpolation.BILINEAR, Normalization.INCEPTION),
        DEIT("DeiTImageProcessor", true, 256, 224, Interpolation.BICUBIC, Normalization.INCEPTION),
        BEIT("BeitImageProcessor", true, 224, 0, Interpolation.BICUBIC, Normalization.INCEPTION),
        CONVNEXT("ConvNextImageProcessor", false, 384, 0, Interpolation.BICUBIC, Normalization.INCEPTION),
        BIT("BitImageProcessor", false, 224, 224, Interpolation.BICUBIC, CLIP);

        final String type;
        /** True if a size that is one number is that of both sides, and not of the shorter. */
        final boolean square;

        final int size;
        /** Side of the crop where the file asks for none; 0 if nothing is cut. */
        final int crop;

        final Interpolation interpolation;
        final Normalization normalization;

        Processor(
                String type,
                boolean square,
                int size,
                int crop,
                Interpolation interpolation,
                Normalization normalization) {
            this.type = type;
            this.square = square;
            this.size = size;
            this.crop = crop;
            this.interpolation = interpolation;
            this.normalization = normalization;
        }

        /** The processor that a file names, in any of the endings that the library gave it; else the model's own. */
        static Processor of(Optional<String> named, String modelType) {
            return named.flatMap(name -> {
                        var word = name.toLowerCase(Locale.ROOT)
                                .replaceFirst("(imageprocessor(fast|pil)?|featureextractor)$", "");
                        return switch (word) {
                            case "vit" -> Optional.of(VIT);
                            case "deit" -> Optional.of(DEIT);
                            case "beit" -> Optional.of(BEIT);
                            case "convnext" -> Optional.of(CONVNEXT);
                            case "bit", "clip" -> Optional.of(BIT);
                            default -> Optional.empty();
                        };
                    })
                    .orElseGet(() -> switch (modelType) {
                        case "deit" -> DEIT;
                        case "beit", "data2vec-vision" -> BEIT;
                        case "convnext", "convnextv2", "resnet" -> CONVNEXT;
                        case "bit", "dinov2", "dinov2_with_registers" -> BIT;
                        default -> VIT;
                    });
        }
    }

    /** A size: both sides, or the shorter one alone, the other being 0. */
    private record Size(int height, int width) {
        static Size shortest(int side) {
            return new Size(side, 0);
        }

        static Size square(int side) {
            return new Size(side, side);
        }

        boolean ofShorterSide() {
            return width == 0;
        }
    }

    /**
     * Reads the file's object.
     *
     * @param origin what to call it in errors
     * @param modelType the {@code model_type} of the model's config
     * @param height rows of the images that the model's config names; taken where the processor resizes nothing
     * @param width columns of those
     */
    static TransformersPreparation read(ObjectNode object, String origin, String modelType, int height, int width) {
        var fields = new JsonFields(object, origin);
        var named = fields.text("image_processor_type").or(() -> fields.text("feature_extractor_type"));
        return new Reader(object, fields, origin, Processor.of(named, modelType)).read(height, width);
    }

    /**
     * The file that describes a preprocessing. An odd remainder of a centre crop is cut one pixel further to the left
     * and top there.
     *
     * @throws VitrailException if the library's processors have no such one
     */
    static ObjectNode written(Preprocessing input) {
        require(
                input.channels() == 3,
                "the processors of transformers make images of three channels, and this model takes %d",
                input.channels());
        int height = (int) Math.floor(input.height() / input.cropPct());
        int width = (int) Math.floor(input.width() / input.cropPct());
        var object = JsonFile.MAPPER.createObjectNode();
        var size = JsonFile.MAPPER.createObjectNode();
        boolean cuts = height != input.height() || width != input.width();
        switch (input.cropMode()) {
            case CENTER, CENTER_FLOOR -> {
                require(
                        input.height() == input.width(),
                        "the processors of transformers cut squares out of images that keep their shape, and this model"
                                + " takes %d×%d pixels: train or evaluate with --crop squash",
                        input.height(),
                        input.width());
                object.put("image_processor_type", Processor.BIT.type);
                size.put("shortest_edge", height);
                cuts = true;
            }
            case SQUASH, SQUASH_FLOOR -> {
                object.put("image_processor_type", cuts ? Processor.DEIT.type : Processor.VIT.type);
                size.put("height", height).put("width", width);
            }
            case BORDER ->
                throw new VitrailException(
                        "the processors of transformers do not pad images to a shape: export with --crop center or"
                                + " squash");
        }
        object.put("do_convert_rgb", true).put("do_resize", true).set("size", size);
        object.put("resample", FILTERS.indexOf(input.interpolation())).put("do_center_crop", cuts);
        if (cuts) {
            object.putObject("crop_size").put("height", input.height()).put("width", input.width());
        }
        object.put("do_rescale", true).put("rescale_factor", 1.0 / 255).put("do_normalize", true);
        var mean = object.putArray("image_mean");
        input.mean().forEach(mean::add);
        var std = object.putArray("image_std");
        input.std().forEach(std::add);
        return object;
    }

    /** Defaults of a model's processor, where a folder has no file for it; the model's own size is taken. */
    static TransformersPreparation guess(String modelType, int height, int width) {
        var processor = Processor.of(Optional.empty(), modelType);
        var input = processor.normalization;
        return new TransformersPreparation(
                height,
                width,
                1,
                processor.square ? CropMode.SQUASH : CropMode.CENTER_FLOOR,
                processor.interpolation,
                input.mean(),
                input.std(),
                List.of(("the folder has no %s: images are prepared as the %s of transformers does by default (mean %s,"
                                + " std %s, %s); --mean, --std, --crop and --interpolation say otherwise")
                        .formatted(FILE, processor.type, input.mean(), input.std(), processor.interpolation.key())));
    }

    /** The preparation as timm's configs describe one. */
    PretrainedConfig described(int channels, int classes) {
        return new PretrainedConfig(
                Optional.empty(),
                List.of(channels, height, width),
                Optional.empty(),
                Optional.of(interpolation.key()),
                OptionalDouble.of(cropPct),
                Optional.of(cropMode.key()),
                mean,
                std,
                OptionalInt.of(classes),
                List.of(),
                List.of(),
                List.of(),
                Optional.empty(),
                Map.of());
    }

    /** Takes the fields of one file. */
    private record Reader(ObjectNode object, JsonFields fields, String origin, Processor processor) {
        TransformersPreparation read(int height, int width) {
            var notes = new ArrayList<String>();
            var size = size("size")
                    .orElseGet(() -> processor.square ? Size.square(processor.size) : Size.shortest(processor.size));
            boolean cuts = fields.flag("do_center_crop").orElse(processor.crop > 0);
            var crop = cuts
                    ? size("crop_size")
                            .map(given -> given.ofShorterSide() ? Size.square(given.height) : given)
                            .or(() -> Optional.of(Size.square(processor.crop > 0 ? processor.crop : 224)))
                    : Optional.<Size>empty();
            if (!fields.flag("do_resize").orElse(true)) {
                size = new Size(height, width);
                crop = Optional.empty();
                notes.add(("%s resizes nothing, which suits images of the model's size alone: others are resized to"
                                + " %d×%d pixels")
                        .formatted(origin, height, width));
            }
            if (processor == Processor.CONVNEXT && size.ofShorterSide()) {
                return size.height >= LEAST_WARPED
                        ? made(size.height, size.height, 1, CropMode.SQUASH, notes)
                        : shorter((int) (size.height / cropPct()), Size.square(size.height), notes);
            }
            if (size.ofShorterSide()) {
                if (crop.isEmpty()) {
                    notes.add(("%s keeps the shape of images, which are of one size here: the middle of %d×%d pixels is"
                                    + " cut out")
                            .formatted(origin, size.height, size.height));
                }
                return shorter(size.height, crop.orElse(Size.square(size.height)), notes);
            }
            if (crop.isEmpty() || crop.get().equals(size)) {
                return made(size.height, size.width, 1, CropMode.SQUASH, notes);
            }
            double share = Preprocessing.shareOf(crop.get().height, size.height);
            require(
                    (int) Math.floor(crop.get().width / share) == size.width,
                    "crop_size of %s is %d×%d of %d×%d: both sides must be cut by the same share",
                    origin,
                    crop.get().height,
                    crop.get().width,
                    size.height,
                    size.width);
            return made(crop.get().height, crop.get().width, share, CropMode.SQUASH_FLOOR, notes);
        }

        private TransformersPreparation shorter(int resized, Size crop, List<String> notes) {
            require(
                    crop.height == crop.width,
                    "crop_size of %s is %d×%d after the shorter side is resized to %d: only a square can be cut out"
                            + " there",
                    origin,
                    crop.height,
                    crop.width,
                    resized);
            return made(
                    crop.height, crop.width, Preprocessing.shareOf(crop.height, resized), CropMode.CENTER_FLOOR, notes);
        }

        private double cropPct() {
            double share = fields.number("crop_pct").orElse(224.0 / 256);
            require(
                    share > 0 && share <= 1,
                    "crop_pct of %s is a share above 0 and at most 1; found %s",
                    origin,
                    share);
            return share;
        }

        private TransformersPreparation made(int height, int width, double share, CropMode mode, List<String> notes) {
            var statistics = statistics();
            return new TransformersPreparation(
                    height,
                    width,
                    share,
                    mode,
                    interpolation(),
                    statistics.get(0),
                    statistics.get(1),
                    List.copyOf(notes));
        }

        private Interpolation interpolation() {
            var number = fields.integer("resample");
            if (number.isEmpty()) {
                return processor.interpolation;
            }
            require(
                    number.getAsInt() >= 0 && number.getAsInt() < FILTERS.size(),
                    "resample of %s is the number of a filter of Pillow's, 0 to %d; found %d",
                    origin,
                    FILTERS.size() - 1,
                    number.getAsInt());
            return FILTERS.get(number.getAsInt());
        }

        /** Mean and std for values from 0 to 1, whatever the file scales levels by. */
        private List<List<Double>> statistics() {
            double factor = fields.flag("do_rescale").orElse(true)
                    ? fields.number("rescale_factor").orElse(1.0 / 255)
                    : 1;
            require(
                    factor > 0 && Double.isFinite(factor),
                    "rescale_factor of %s must be a number above 0; found %s",
                    origin,
                    factor);
            boolean normalises = fields.flag("do_normalize").orElse(true);
            var mean =
                    normalises ? numbers("image_mean").orElse(processor.normalization.mean()) : List.of(0.0, 0.0, 0.0);
            var std = normalises ? numbers("image_std").orElse(processor.normalization.std()) : List.of(1.0, 1.0, 1.0);
            // A hair's breadth of rounding in the file is no other scale.
            double scale = Math.abs(factor * 255 - 1) < 1e-6 ? 1 : factor * 255;
            return List.of(
                    mean.stream().map(value -> value / scale).toList(),
                    std.stream().map(value -> value / scale).toList());
        }

        /** One number for all channels, or a list. */
        private Optional<List<Double>> numbers(String name) {
            var node = object.get(name);
            if (node != null && node.isNumber()) {
                return Optional.of(Collections.nCopies(3, node.doubleValue()));
            }
            var list = fields.numbers(name);
            return list.isEmpty() ? Optional.empty() : Optional.of(list);
        }

        private Optional<Size> size(String name) {
            var node = object.get(name);
            if (node == null || node.isNull()) {
                return Optional.empty();
            }
            if (node.isInt()) {
                int side = positive(name, node);
                return Optional.of(
                        processor.square || name.equals("crop_size") ? Size.square(side) : Size.shortest(side));
            }
            if (node.isArray() && node.size() >= 1 && node.size() <= 2) {
                // The feature extractors had width before height, as Pillow has.
                int width = positive(name, node.get(0)), height = positive(name, node.get(node.size() - 1));
                return Optional.of(new Size(height, width));
            }
            if (node.has("height") && node.has("width")) {
                return Optional.of(new Size(positive(name, node.get("height")), positive(name, node.get("width"))));
            }
            if (node.has("shortest_edge") && !node.has("longest_edge")) {
                int side = positive(name, node.get("shortest_edge"));
                return Optional.of(Size.shortest(side));
            }
            throw VitrailException.of(
                    "%s of %s is %s; expected a number of pixels, height and width, or shortest_edge",
                    name, origin, node);
        }

        private int positive(String name, JsonNode node) {
            require(
                    node.isInt() && node.intValue() > 0,
                    "%s of %s is %s; expected numbers of pixels above 0",
                    name,
                    origin,
                    node);
            return node.intValue();
        }
    }
}
