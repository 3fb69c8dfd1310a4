package dev.vitrail.onnx;

import static dev.vitrail.errors.VitrailException.require;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Model;
import dev.vitrail.onnx.GraphBuilder.Attribute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Writes a model as an ONNX graph.
 *
 * <p>The model runs on images of random pixels while {@link dev.vitrail.engine.GraphRecorder} records it, once for each
 * of two batch sizes, so that the graph takes any batch; and on images of other sizes where these are to vary as well.
 */
public final class OnnxExport {
    /** Version of ONNX's operators; the first with Gelu. */
    public static final int OPSET = 20;
    /** Version of ONNX's file format that belongs to it. */
    private static final int IR = 9;

    /** Name of the input and of its dimensions. */
    static final String IMAGES = "images", BATCH = "batch", HEIGHT = "height", WIDTH = "width";
    /** Name of the output: class scores, or vectors of a model without classifier. */
    static final String LOGITS = "logits", EMBEDDING = "embedding";
    /** Key of the metadata that tells what the input holds. */
    static final String INPUT = "input", NORMALIZED = "float32 NCHW, normalized", LEVELS = "uint8 NHWC, 0 to 255";

    private OnnxExport() {}

    /**
     * Files written by an export, and their sizes.
     *
     * @param nodes operators of the graph
     * @param parameters bytes of weights and other constants
     * @param external whether these are in a file of their own, FILE.data
     * @param otherSize another height and width that the graph takes, if it takes any
     */
    public record Written(Path file, int nodes, long parameters, boolean external, Optional<List<Integer>> otherSize) {}

    /**
     * Writes a model.
     *
     * @param loaded in evaluation mode, on a CPU; left as it is
     * @param file of the graph
     * @throws VitrailException if the model's operations cannot be a graph, such as for images of any size
     */
    public static Written write(LoadedModel loaded, Path file, OnnxExportOptions options) {
        var model = loaded.model();
        require(
                !model.training(),
                "a model in training cannot be exported: switch it to evaluation first (Model.train(false))");
        require(
                model.parameters().values().stream()
                        .allMatch(parameter -> parameter.value().device().equals(Device.CPU)),
                "a model is exported from the CPU's memory: load it there (--device cpu)");
        var inputs = inputs(model, options.dynamicSize());
        try (var recordings = Recordings.of(inputs, model::apply)) {
            var onnx = new GraphBuilder(names(model));
            var images = options.uint8Input() ? normalized(onnx, loaded.preprocessing()) : IMAGES;
            var result = new Lowering(recordings, onnx, images, options.int8()).apply();
            var output = model.config().classes() > 0 ? LOGITS : EMBEDDING;
            onnx.rename(result, output);
            var graph = GraphProto.newBuilder()
                    .setName(loaded.variant().name())
                    .addInput(input(loaded, options))
                    .addOutput(output(output, recordings))
                    .addAllNode(onnx.nodes());
            var proto = ModelProto.newBuilder()
                    .setIrVersion(IR)
                    .setProducerName("vitrail")
                    .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET))
                    .setGraph(graph);
            metadata(loaded, options).forEach((key, value) -> proto.addMetadataProps(ModelFile.entry(key, value)));
            var initializers = onnx.initializers();
            boolean external = ModelFile.write(file, proto, initializers, options.limit());
            long bytes = initializers.stream()
                    .mapToLong(GraphBuilder.Initializer::size)
                    .sum();
            return new Written(file, onnx.nodes().size(), bytes, external, otherSize(inputs));
        }
    }

    /** Path of the weights of a graph in {@code file} if they are more than it can hold. */
    public static Path dataOf(Path file) {
        return file.resolveSibling(file.getFileName() + ".data");
    }

    /** Shapes to record: two batches; then, if sizes are to vary, other heights, other widths, and both. */
    private static List<long[]> inputs(Model model, boolean dynamicSize) {
        var config = model.config();
        long channels = config.channels(), height = config.imageHeight(), width = config.imageWidth();
        var shapes = new ArrayList<long[]>();
        shapes.add(new long[] {2, channels, height, width});
        shapes.add(new long[] {3, channels, height, width});
        if (dynamicSize) {
            var last = model.featureInfo().get(model.featureInfo().size() - 1);
            long down = last.strideHeight(), across = last.strideWidth();
            shapes.add(new long[] {2, channels, height + down, width});
            shapes.add(new long[] {2, channels, height, width + 2 * across});
            shapes.add(new long[] {3, channels, height + 3 * down, width + across});
        }
        return shapes;
    }

    private static Optional<List<Integer>> otherSize(List<long[]> inputs) {
        var last = inputs.get(inputs.size() - 1);
        return inputs.size() == 2 ? Optional.empty() : Optional.of(List.of((int) last[2], (int) last[3]));
    }

    private static Function<Tensor, String> names(Model model) {
        Map<Tensor, String> names = new IdentityHashMap<>();
        model.parameters().forEach((name, parameter) -> names.put(parameter.value(), name));
        return tensor -> names.getOrDefault(tensor, "");
    }

    /** Adds what turns levels into the images that the model wants; gives their name. */
    private static String normalized(GraphBuilder onnx, Preprocessing preprocessing) {
        var planes = onnx.add("Transpose", List.of(IMAGES), Attribute.of("perm", 0, 3, 1, 2));
        var levels = onnx.add("Cast", List.of(planes), Attribute.of("to", ModelFile.dataType(DType.F32)));
        var shares = onnx.add("Div", List.of(levels, onnx.number(255)));
        var centred = onnx.add("Sub", List.of(shares, statistics(onnx, preprocessing.mean())));
        return onnx.add("Div", List.of(centred, statistics(onnx, preprocessing.std())));
    }

    private static String statistics(GraphBuilder onnx, List<Double> values) {
        var floats = new float[values.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = values.get(i).floatValue();
        }
        return onnx.numbers(floats, 1, floats.length, 1, 1);
    }

    private static ValueInfoProto input(LoadedModel loaded, OnnxExportOptions options) {
        var config = loaded.model().config();
        var batch = TensorShapeProto.Dimension.newBuilder().setDimParam(BATCH).build();
        var channels = side(config.channels());
        var height = options.dynamicSize()
                ? TensorShapeProto.Dimension.newBuilder().setDimParam(HEIGHT).build()
                : side(config.imageHeight());
        var width = options.dynamicSize()
                ? TensorShapeProto.Dimension.newBuilder().setDimParam(WIDTH).build()
                : side(config.imageWidth());
        return options.uint8Input()
                ? info(IMAGES, DType.U8, List.of(batch, height, width, channels))
                : info(IMAGES, DType.F32, List.of(batch, channels, height, width));
    }

    private static ValueInfoProto output(String name, Recordings recordings) {
        var shape = new ArrayList<TensorShapeProto.Dimension>();
        for (var extent : recordings.shape(recordings.output())) {
            shape.add(
                    extent.isFixed()
                            ? side(extent.value())
                            : TensorShapeProto.Dimension.newBuilder()
                                    .setDimParam(shape.isEmpty() ? BATCH : name + "_" + shape.size())
                                    .build());
        }
        return info(name, DType.F32, shape);
    }

    private static TensorShapeProto.Dimension side(long length) {
        return TensorShapeProto.Dimension.newBuilder().setDimValue(length).build();
    }

    private static ValueInfoProto info(String name, DType dtype, List<TensorShapeProto.Dimension> shape) {
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType((int) ModelFile.dataType(dtype))
                                .setShape(TensorShapeProto.newBuilder().addAllDim(shape))))
                .build();
    }

    /** Metadata that a runtime needs to use the graph: the preparation of images, and the names of the classes. */
    private static Map<String, String> metadata(LoadedModel loaded, OnnxExportOptions options) {
        var preprocessing = loaded.preprocessing();
        var prepared = new LinkedHashMap<String, Object>();
        prepared.put("size", List.of(preprocessing.height(), preprocessing.width()));
        prepared.put("channels", preprocessing.channels());
        prepared.put("interpolation", preprocessing.interpolation().key());
        prepared.put("crop_pct", preprocessing.cropPct());
        prepared.put("crop_mode", preprocessing.cropMode().key());
        prepared.put("mean", preprocessing.mean());
        prepared.put("std", preprocessing.std());
        var all = new LinkedHashMap<String, String>();
        all.put("architecture", loaded.variant().name());
        all.put(INPUT, options.uint8Input() ? LEVELS : NORMALIZED);
        all.put("preprocessing", json(prepared));
        all.put("labels", json(loaded.labels()));
        return all;
    }

    private static String json(Object value) {
        try {
            return new ObjectMapper().writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // maps, lists, text and numbers can always be written
        }
    }
}
