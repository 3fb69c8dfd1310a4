package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.Functional;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.SinCos;
import java.util.regex.Pattern;

/** Tables of positions: resampled, and made of sines and cosines. */
final class TableParity {
    private static final double RESAMPLED = 2e-5;
    private static final double SINE = 2e-6;
    private static final Pattern SEQUENCE = Pattern.compile("t2t_sinusoid/n(\\d+)_d(\\d+)");
    private static final Pattern GRID = Pattern.compile("simple_vit_sincos/h(\\d+)_w(\\d+)_d(\\d+)");

    private TableParity() {}

    static void positions(GoldenCase golden, Outcome.Collector outcome) {
        for (var job : golden.json().path("jobs")) {
            var found = Positions.resample(
                    golden.tensor("in/" + job.path("i").asInt()),
                    job.path("prefix").asInt(),
                    job.path("old").path(0).asInt(),
                    job.path("old").path(1).asInt(),
                    job.path("new").path(0).asInt(),
                    job.path("new").path(1).asInt(),
                    how(job),
                    job.path("antialias").asBoolean());
            var difference = Difference.of(
                    found.toFloats(), golden.floats("out/" + job.path("i").asInt()));
            outcome.check("positions_error", "resampling " + job, difference, RESAMPLED, RESAMPLED);
        }
        for (var job : golden.json().path("patch_embed_jobs")) {
            var found = Positions.resamplePatch(
                    golden.tensor("patch_in/" + job.path("i").asInt()),
                    job.path("new").path(0).asInt(),
                    job.path("new").path(1).asInt(),
                    how(job),
                    job.path("antialias").asBoolean());
            var difference = Difference.of(
                    found.toFloats(), golden.floats("patch_out/" + job.path("i").asInt()));
            outcome.check(
                    "patch_error",
                    "resampling a patch kernel " + job,
                    difference,
                    RESAMPLED * Math.max(1, difference.scale()),
                    0);
        }
    }

    private static Functional.Resize how(JsonNode job) {
        return switch (job.path("interpolation").asText("bicubic")) {
            case "bicubic" -> Functional.Resize.BICUBIC;
            case "bilinear" -> Functional.Resize.BILINEAR;
            default -> throw VitrailException.of("the interpolation %s is not known here", job.path("interpolation"));
        };
    }

    static void sinCos(GoldenCase golden, Outcome.Collector outcome) {
        for (var name : golden.tensors().names()) {
            var sequence = SEQUENCE.matcher(name);
            var grid = GRID.matcher(name);
            boolean counted = sequence.matches();
            if (!counted && !grid.matches()) {
                outcome.fail("the table '%s' is not known here".formatted(name));
                continue;
            }
            var found = counted
                    ? SinCos.sequence(number(sequence.group(1)), number(sequence.group(2)))
                    : SinCos.grid(number(grid.group(1)), number(grid.group(2)), number(grid.group(3)));
            outcome.check("table_error", name, Difference.of(found.toFloats(), golden.floats(name)), SINE, 0);
        }
    }

    private static int number(String text) {
        return Integer.parseInt(text);
    }
}
