package dev.vitrail.serve;

import dev.vitrail.images.RgbImage;
import dev.vitrail.serve.batching.BatchedModel.Output;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.IntStream;

/**
 * Inputs and outputs of models in the Open Inference Protocol, the same over REST and gRPC. A request has one of three
 * inputs:
 *
 * <ul>
 *   <li>{@code image} BYTES {@code [N]}: files of JPEG, PNG and others, prepared by the server;
 *   <li>{@code pixels} UINT8 {@code [N, height, width, 3]}: RGB of any size, prepared by the server;
 *   <li>{@code input} FP32 {@code [N, C, H, W]}: prepared and normalized by the client.
 * </ul>
 */
final class TensorApi {
    static final String IMAGE = "image", PIXELS = "pixels", INPUT = "input";
    static final String LOGITS = "logits",
            PROBABILITIES = "probabilities",
            LABELS = "labels",
            EMBEDDINGS = "embeddings";

    /** A tensor of a model's metadata; −1 stands for any length. */
    record Spec(String name, String datatype, List<Long> shape) {}

    private final Inference inference;
    private final ServerMetrics metrics;

    TensorApi(Inference inference, ServerMetrics metrics) {
        this.inference = inference;
        this.metrics = metrics;
    }

    static List<Spec> inputs(ServedModel served) {
        var input = served.model().vitrail().loaded().preprocessing();
        return List.of(
                new Spec(IMAGE, TensorData.BYTES, List.of(-1L)),
                new Spec(PIXELS, TensorData.UINT8, List.of(-1L, -1L, -1L, 3L)),
                new Spec(INPUT, TensorData.FP32, List.of(-1L, (long) input.channels(), (long) input.height(), (long)
                        input.width())));
    }

    static List<Spec> outputs(ServedModel served) {
        var model = served.model().vitrail().loaded().model();
        long classes = model.config().classes();
        var all = new ArrayList<Spec>();
        if (served.model().has(Output.LOGITS)) {
            all.add(new Spec(LOGITS, TensorData.FP32, List.of(-1L, classes)));
            all.add(new Spec(PROBABILITIES, TensorData.FP32, List.of(-1L, classes)));
            all.add(new Spec(LABELS, TensorData.BYTES, List.of(-1L)));
        }
        all.add(new Spec(EMBEDDINGS, TensorData.FP32, List.of(-1L, (long) model.width())));
        return List.copyOf(all);
    }

    /**
     * Runs a request.
     *
     * @param served held by the caller until the result is there
     * @param executor makes the outputs of the model's rows
     */
    CompletableFuture<List<TensorData>> infer(
            ServedModel served, InferRequest request, Inference.Scope scope, Executor executor) {
        var wanted = wanted(served, request);
        var inputs = images(served, request);
        var passes = EnumSet.noneOf(Output.class);
        wanted.forEach(output -> passes.add(output.name().equals(EMBEDDINGS) ? Output.EMBEDDINGS : Output.LOGITS));
        return inference
                .run(served, passes, inputs, scope)
                .thenApplyAsync(
                        rows -> {
                            metrics.waited(served.name(), scope.timing().queueNanos());
                            return wanted.stream()
                                    .map(output -> output(served, output, rows))
                                    .toList();
                        },
                        executor);
    }

    private static List<InferRequest.Wanted> wanted(ServedModel served, InferRequest request) {
        var known = outputs(served).stream().map(Spec::name).toList();
        if (request.outputs().isEmpty()) {
            return known.stream()
                    .filter(name -> known.size() == 1 || !name.equals(EMBEDDINGS))
                    .map(name -> new InferRequest.Wanted(name, request.parameters()))
                    .toList();
        }
        request.outputs()
                .forEach(output -> RequestException.requireGood(
                        known.contains(output.name()),
                        "the model '%s' has no output '%s': expected one of %s",
                        served.name(),
                        output.name(),
                        known));
        return request.outputs();
    }

    // -------------------------------------------------------------------------------------------------------- inputs

    private static List<Inference.Input> images(ServedModel served, InferRequest request) {
        RequestException.requireGood(
                request.inputs().size() == 1,
                "the request has %d inputs: expected one, 'image', 'pixels' or 'input'",
                request.inputs().size());
        var tensor = request.inputs().get(0);
        var inputs =
                switch (tensor.name()) {
                    case IMAGE -> files(tensor);
                    case PIXELS -> pixels(tensor);
                    case INPUT -> prepared(served, tensor);
                    default ->
                        throw RequestException.bad(
                                "there is no input '%s': expected 'image', 'pixels' or 'input'", tensor.name());
                };
        RequestException.requireGood(!inputs.isEmpty(), "'%s' has no images: expected one or more", tensor.name());
        return inputs;
    }

    private static List<Inference.Input> files(TensorData tensor) {
        var strings = contents(tensor, TensorData.Contents.Strings.class, TensorData.BYTES)
                .values();
        return IntStream.range(0, strings.size())
                .<Inference.Input>mapToObj(i -> new Inference.Input.Encoded(strings.get(i), "image[%d]".formatted(i)))
                .toList();
    }

    private static List<Inference.Input> pixels(TensorData tensor) {
        var levels = contents(tensor, TensorData.Contents.Levels.class, TensorData.UINT8)
                .values();
        var shape = tensor.shape();
        RequestException.requireGood(
                shape.size() == 4 && shape.get(3) == 3 && levels.length > 0,
                "'pixels' has the shape %s: expected [N, height, width, 3]",
                shape);
        int height = shape.get(1).intValue(), width = shape.get(2).intValue(), bytes = 3 * height * width;
        return IntStream.range(0, shape.get(0).intValue())
                .<Inference.Input>mapToObj(i -> new Inference.Input.Decoded(
                        new RgbImage(width, height, Arrays.copyOfRange(levels, i * bytes, (i + 1) * bytes))))
                .toList();
    }

    private static List<Inference.Input> prepared(ServedModel served, TensorData tensor) {
        var values = contents(tensor, TensorData.Contents.Floats.class, TensorData.FP32)
                .values();
        var expected = inputs(served).get(2).shape();
        RequestException.requireGood(
                tensor.shape().size() == 4 && tensor.shape().subList(1, 4).equals(expected.subList(1, 4)),
                "'input' has the shape %s: expected %s, where -1 is the number of images",
                tensor.shape(),
                expected);
        for (float value : values) {
            RequestException.requireGood(
                    Float.isFinite(value), "'input' has a value that is not finite: expected normalized pixels");
        }
        int count = tensor.shape().get(0).intValue();
        int each = count == 0 ? 0 : values.length / count;
        return IntStream.range(0, count)
                .<Inference.Input>mapToObj(i -> new Inference.Input.Values(FloatBuffer.wrap(values, i * each, each)))
                .toList();
    }

    private static <T extends TensorData.Contents> T contents(TensorData tensor, Class<T> type, String datatype) {
        RequestException.requireGood(
                type.isInstance(tensor.contents()),
                "'%s' has the data type %s: expected %s",
                tensor.name(),
                tensor.datatype(),
                datatype);
        return type.cast(tensor.contents());
    }

    // ------------------------------------------------------------------------------------------------------- outputs

    private static TensorData output(ServedModel served, InferRequest.Wanted wanted, Inference.Rows rows) {
        var vitrail = served.model().vitrail();
        long count = rows.count();
        var top = classification(wanted);
        if (top.isPresent()
                && !wanted.name().equals(EMBEDDINGS)
                && !wanted.name().equals(LABELS)) {
            return classes(served, wanted, rows.of(Output.LOGITS), top.get());
        }
        return switch (wanted.name()) {
            case LOGITS -> flat(LOGITS, rows.of(Output.LOGITS));
            case PROBABILITIES ->
                flat(
                        PROBABILITIES,
                        rows.of(Output.LOGITS).stream().map(TensorApi::softmax).toList());
            case LABELS ->
                TensorData.strings(
                        LABELS,
                        List.of(count),
                        rows.of(Output.LOGITS).stream()
                                .map(row -> vitrail.top(row, 1).get(0).label())
                                .toList());
            case EMBEDDINGS -> flat(EMBEDDINGS, rows.of(Output.EMBEDDINGS));
            default -> throw new AssertionError(wanted);
        };
    }

    private static Optional<Integer> classification(InferRequest.Wanted wanted) {
        var value = wanted.parameters().get("classification");
        if (value == null) {
            return Optional.empty();
        }
        RequestException.requireGood(
                value instanceof Long count && count >= 1 && count <= 1 << 20,
                "the parameter 'classification' is %s: expected the number of classes, 1 or more",
                value);
        return Optional.of(((Long) value).intValue());
    }

    /** Triton's classification extension: strings {@code score:index:label}, {@code [N, classes]}. */
    private static TensorData classes(ServedModel served, InferRequest.Wanted wanted, List<float[]> rows, int top) {
        var strings = new ArrayList<String>();
        for (var row : rows) {
            var scores = wanted.name().equals(LOGITS) ? row : softmax(row);
            for (var found : served.model().vitrail().top(row, top)) {
                strings.add("%s:%d:%s".formatted(scores[found.index()], found.index(), found.label()));
            }
        }
        return TensorData.strings(
                wanted.name(), List.of((long) rows.size(), (long) strings.size() / rows.size()), strings);
    }

    private static TensorData flat(String name, List<float[]> rows) {
        int width = rows.get(0).length;
        var values = new float[rows.size() * width];
        for (int i = 0; i < rows.size(); i++) {
            System.arraycopy(rows.get(i), 0, values, i * width, width);
        }
        return TensorData.floats(name, List.of((long) rows.size(), (long) width), values);
    }

    private static float[] softmax(float[] logits) {
        double largest = Double.NEGATIVE_INFINITY, sum = 0;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        for (float logit : logits) {
            sum += Math.exp(logit - largest);
        }
        var probabilities = new float[logits.length];
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = (float) (Math.exp(logits[i] - largest) / sum);
        }
        return probabilities;
    }
}
