package dev.vitrail.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.onnx.GraphBuilder.Initializer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Writes a graph's file; its initializers into a file beside it where they are more than protobuf can hold. */
final class ModelFile {
    /** Alignment of an initializer's data in an external file, bytes: pages of memory-mapped files. */
    private static final long ALIGNMENT = 4096;
    /** Initializers shorter than this stay in the graph, so that runtimes see the shapes in it. */
    private static final long SMALL = 1024;

    private ModelFile() {}

    /** ONNX's number of a data type. */
    static long dataType(DType dtype) {
        return switch (dtype) {
            case F32 -> TensorProto.DataType.FLOAT_VALUE;
            case F64 -> TensorProto.DataType.DOUBLE_VALUE;
            case F16 -> TensorProto.DataType.FLOAT16_VALUE;
            case BF16 -> TensorProto.DataType.BFLOAT16_VALUE;
            case I64 -> TensorProto.DataType.INT64_VALUE;
            case I32 -> TensorProto.DataType.INT32_VALUE;
            case I16 -> TensorProto.DataType.INT16_VALUE;
            case I8 -> TensorProto.DataType.INT8_VALUE;
            case U8 -> TensorProto.DataType.UINT8_VALUE;
            case BOOL -> TensorProto.DataType.BOOL_VALUE;
            default -> throw VitrailException.of("a graph cannot hold tensors of %s: convert them to F32", dtype);
        };
    }

    /**
     * Writes a model.
     *
     * @param model complete but for its initializers
     * @param limit bytes of initializers that the file itself may hold; those of more go to {@code file}.data
     * @return whether they did
     */
    static boolean write(Path file, ModelProto.Builder model, List<Initializer> initializers, long limit) {
        long bytes = initializers.stream().mapToLong(Initializer::size).sum();
        var graph = model.getGraph().toBuilder();
        if (bytes <= limit) {
            initializers.forEach(initializer -> graph.addInitializer(inside(initializer)));
            save(file, model, graph);
            return false;
        }
        var data = OnnxExport.dataOf(file);
        AtomicFile.write(data, channel -> {
            var out = Channels.newOutputStream(channel);
            long offset = 0;
            for (var initializer : initializers) {
                if (initializer.size() < SMALL) {
                    graph.addInitializer(inside(initializer));
                    continue;
                }
                offset += pad(out, offset);
                graph.addInitializer(outside(initializer, data, offset));
                out.write(initializer.bytes().get());
                offset += initializer.size();
            }
        });
        save(file, model, graph);
        return true;
    }

    private static void save(Path file, ModelProto.Builder model, GraphProto.Builder graph) {
        model.setGraph(graph);
        AtomicFile.write(file, channel -> model.build().writeTo(Channels.newOutputStream(channel)));
    }

    private static long pad(OutputStream out, long offset) throws IOException {
        int missing = (int) Math.floorMod(-offset, ALIGNMENT);
        out.write(new byte[missing]);
        return missing;
    }

    private static TensorProto.Builder described(Initializer initializer) {
        var proto =
                TensorProto.newBuilder().setName(initializer.name()).setDataType((int) dataType(initializer.dtype()));
        Arrays.stream(initializer.shape()).forEach(proto::addDims);
        return proto;
    }

    private static TensorProto inside(Initializer initializer) {
        return described(initializer)
                .setRawData(ByteString.copyFrom(initializer.bytes().get()))
                .build();
    }

    private static TensorProto outside(Initializer initializer, Path data, long offset) {
        return described(initializer)
                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                .addExternalData(entry("location", data.getFileName().toString()))
                .addExternalData(entry("offset", Long.toString(offset)))
                .addExternalData(entry("length", Long.toString(initializer.size())))
                .build();
    }

    static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }
}
