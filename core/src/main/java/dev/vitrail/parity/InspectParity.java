package dev.vitrail.parity;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.CkaOptions;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Model;
import dev.vitrail.weights.Checkpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiConsumer;

/** Figures of a model's inside against those that the originals give. */
final class InspectParity {
    /** Tolerance relative to a tensor's largest magnitude. */
    private static final double TOLERANCE = 1e-4;

    private InspectParity() {}

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        switch (golden.json().path("family").asText()) {
            case "primitives" -> new InspectFormulas(golden, new Comparison(golden, outcome)).run();
            case "pair" -> pair(golden, new Comparison(golden, outcome));
            default ->
                withModel(golden, golden.json().path("model").asText(), (model, preprocessing) -> new InspectFigures(
                                golden, new Comparison(golden, outcome), model, preprocessing)
                        .run(input(golden)));
        }
    }

    /** The images of a case, normalized; of a case of weights alone, an empty batch is not needed. */
    private static Optional<Tensor> input(GoldenCase golden) {
        if (golden.has("input_u8")) {
            return Optional.of(normalized(golden.tensor("input_u8").unsqueeze(0)));
        }
        var model = golden.path()
                .resolveSibling("..")
                .resolve(golden.json().path("model").asText() + ".json");
        return Files.isRegularFile(model)
                ? GoldenCase.read(model).map(source -> source.tensor("input")
                        .narrow(0, 0, golden.json().path("images").asInt()))
                : Optional.empty();
    }

    static Tensor normalized(Tensor pixels) {
        return pixels.to(DType.F32).times(1 / 127.5).plus(-1);
    }

    /** Runs a body with the model of a model case beside this folder, or with published weights of the data folder. */
    private static void withModel(GoldenCase golden, String name, BiConsumer<Model, Optional<Preprocessing>> body) {
        var path = golden.path().resolveSibling("..").resolve(name + ".json").normalize();
        if (Files.isRegularFile(path)) {
            var source = GoldenCase.read(path)
                    .orElseThrow(() -> VitrailException.of("%s is no golden case of a model", path));
            var built = Upstream.model(source.json());
            try (var model = built.model()) {
                Checkpoint.load(
                        model, built.family(), source.below("weights/"), Checkpoint.Classifier.STRICT, Device.CPU);
                model.train(false);
                body.accept(model, Optional.empty());
            }
            return;
        }
        var weights = golden.path().resolveSibling("../../data").resolve(name).normalize();
        VitrailException.require(
                Files.isDirectory(weights),
                "the case needs the model '%s': expected %s, or the folder of weights %s",
                name,
                path,
                weights);
        try (var loaded = LoadedModel.load(weights.toString(), LoadOptions.DEFAULT)) {
            body.accept(loaded.model(), Optional.of(loaded.preprocessing()));
        }
    }

    private static void pair(GoldenCase golden, Comparison comparison) {
        withModel(
                golden,
                golden.json().path("model").asText(),
                (first, any) -> withModel(
                        golden,
                        golden.json().path("against").asText(),
                        (second, other) -> Frame.run(() -> {
                            var images = normalized(golden.tensor("cka/images"));
                            for (boolean unbiased : new boolean[] {true, false}) {
                                var cka = new Cka.Accumulator(first, second, new CkaOptions(false, unbiased));
                                cka.add(images, images);
                                comparison.check(
                                        "cka/" + (unbiased ? "unbiased" : "biased"),
                                        flat(cka.result().values()));
                            }
                        })));
    }

    static float[] flat(float[]... rows) {
        int size = 0;
        for (var row : rows) {
            size += row.length;
        }
        var all = new float[size];
        int at = 0;
        for (var row : rows) {
            System.arraycopy(row, 0, all, at, row.length);
            at += row.length;
        }
        return all;
    }

    /** The data folder of a case of real images, beside the fixtures. */
    static Path data(GoldenCase golden, String file) {
        return golden.path().resolveSibling("../../data").resolve(file).normalize();
    }

    /** Compares figures with the tensors of a case. */
    record Comparison(GoldenCase golden, Outcome.Collector outcome) {
        /** A figure against the tensor of that name, if the case has it. */
        void check(String key, float[] found) {
            if (golden.has(key)) {
                check(key, found, golden.floats(key), 1);
            }
        }

        /**
         * @param slack by which the tolerance grows: of components of nearly equal variance, only the plane is
         * determined
         */
        void check(String key, float[] found, float[] expected, double slack) {
            var difference = Difference.of(found, expected);
            double scale = difference.scale();
            outcome.figure(group(key), scale == 0 ? difference.largest() : difference.largest() / scale);
            if (!difference.within(slack * TOLERANCE * (scale == 0 ? 1 : scale), 0)) {
                outcome.fail(String.format(
                        Locale.ROOT, "'%s' differs by %.3g (%s)", key, difference.largest(), difference.where()));
            }
        }

        /** Counts, orders and masks, which have to be equal. */
        void exact(String key, float[] found) {
            if (golden.has(key)) {
                var difference = Difference.of(found, golden.floats(key));
                outcome.figure(group(key), difference.largest());
                if (difference.largest() != 0) {
                    outcome.fail(String.format(Locale.ROOT, "'%s' differs (%s)", key, difference.where()));
                }
            }
        }

        private static String group(String key) {
            return key.split("[/ ]", 2)[0] + "_error";
        }

        boolean has(String key) {
            return golden.has(key);
        }
    }

    /** Recording is off while figures are computed, but where they turn it on. */
    static void quietly(Runnable body) {
        Frame.run(() -> {
            try (var off = Gradients.off()) {
                body.run();
            }
        });
    }
}
