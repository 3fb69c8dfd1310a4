package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Init;
import java.util.ArrayList;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** Stochastic depth, and the statistics of initial values: samples, so they are compared loosely. */
final class InitParity {
    private static final Pattern LECUN = Pattern.compile("lecun_normal_ fan_in=(\\d+)");
    private static final double RATE = 1e-6;
    /** Stds of a sample's mean that a draw may be off by. */
    private static final double SIGMAS = 6;

    private InitParity() {}

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        rates(golden.json().path("drop_path_rates"), outcome);
        for (var scaled : new String[] {"scale1", "scale0"}) {
            double keep = scaled.equals("scale1")
                    ? 1 - golden.json().path("drop_path_p").asDouble()
                    : 1;
            var mask = golden.tensor("drop_path/kept_" + scaled).to(DType.F32);
            var found = DropPath.keep(golden.tensor("drop_path/x_" + scaled), mask.reshape(-1, 1, 1), keep);
            outcome.check(
                    "drop_path_error",
                    "drop path, " + scaled,
                    Difference.of(found.toFloats(), golden.floats("drop_path/y_" + scaled)),
                    RATE,
                    RATE);
        }
        RandomState.seed(6);
        golden.json().path("init_statistics").forEach(sample -> init(sample).ifPresent(init -> {
            var values = Tensor.zeros(300, 400);
            init.fill(values);
            compare(
                    sample.path("fn").asText(),
                    values,
                    sample.path("sample_mean").asDouble(),
                    sample.path("sample_std").asDouble(),
                    outcome);
        }));
        golden.json().path("model_default_init_mean_std_absmax").properties().forEach(entry -> {
            try (var model = model(entry.getKey())) {
                model.initialise(1, Device.CPU);
                entry.getValue().properties().forEach(values -> {
                    var parameter = model.parameters().get(values.getKey());
                    if (parameter == null) {
                        outcome.fail("%s has no parameter '%s'".formatted(entry.getKey(), values.getKey()));
                        return;
                    }
                    compare(
                            entry.getKey() + " " + values.getKey(),
                            parameter.value().detach(),
                            values.getValue().path(0).asDouble(),
                            values.getValue().path(1).asDouble(),
                            outcome);
                });
            }
        });
    }

    /**
     * The model of a name such as {@code vit_tiny_patch16_224/jax}, where the scheme of initial values
     * follows the slash.
     */
    private static Model model(String name) {
        var parts = name.split("/");
        var variant = Catalog.get(parts[0]);
        if (parts.length == 1) {
            return variant.create();
        }
        var config = ((ViTConfig) variant.config())
                .withWeightInit(ViTConfig.InitScheme.valueOf(parts[1].toUpperCase(Locale.ROOT)));
        return config.create();
    }

    private static void rates(JsonNode jobs, Outcome.Collector outcome) {
        for (var job : jobs) {
            var wanted = new ArrayList<Double>();
            job.path("rates").forEach(rate -> {
                if (rate.isArray()) {
                    rate.forEach(inner -> wanted.add(inner.asDouble()));
                } else {
                    wanted.add(rate.asDouble());
                }
            });
            var found = DropPath.linear(job.path("rate").asDouble(), wanted.size());
            for (int i = 0; i < found.length; i++) {
                double difference = Math.abs(found[i] - wanted.get(i));
                outcome.figure("rate_error", difference);
                if (difference > RATE) {
                    outcome.fail("the drop path rate %d of %s is %s".formatted(i, job, found[i]));
                }
            }
        }
    }

    /** The scheme that a sample was drawn by; empty for those that no model here uses (a shifted mean). */
    private static Optional<Init> init(JsonNode sample) {
        var name = sample.path("fn").asText();
        var lecun = LECUN.matcher(name);
        if (lecun.matches()) {
            return Optional.of(Init.truncatedNormalOfVariance(1.0 / Integer.parseInt(lecun.group(1))));
        }
        double std = sample.path("std").asDouble();
        if (sample.path("mean").asDouble() != 0) {
            return Optional.empty();
        }
        return Optional.of(
                name.equals("trunc_normal_tf_")
                        ? values -> {
                            Init.truncatedNormal(1).fill(values);
                            values.timesInPlace(std);
                        }
                        : Init.truncatedNormal(std));
    }

    private static void compare(String what, Tensor values, double mean, double std, Outcome.Collector outcome) {
        double noise = SIGMAS * Math.max(std, 1e-7) / Math.sqrt(values.count());
        double foundMean = values.mean().item();
        double found = values.count() == 1
                ? std
                : values.flat().variance(false, 0).squareRoot().item();
        if (Math.abs(foundMean - mean) > 2 * noise + 2e-6 || Math.abs(found - std) > noise + 0.03 * std + 1e-6) {
            outcome.fail("%s starts with mean %.3g and std %.3g, expected %.3g and %.3g"
                    .formatted(what, foundMean, found, mean, std));
        }
        if (std > 0) {
            outcome.figure("std_error", Math.abs(found / std - 1));
        }
    }
}
