package dev.vitrail.parity;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.layers.RelativePositionTables;
import dev.vitrail.models.layers.Window;
import dev.vitrail.models.swin.ShiftedWindows;
import java.util.Arrays;
import java.util.Optional;

/** Index tables, masks, coordinates and resampled bias tables of both Swin Transformers. */
final class SwinTableParity {
    private static final double COORDINATES = 1e-6;
    private static final double BIASES = 1e-5;

    private SwinTableParity() {}

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var json = golden.json();
        json.path("relative_position_index").forEach(sides -> {
            int height = sides.get(0).asInt(), width = sides.get(1).asInt();
            var key = "relative_position_index/%dx%d".formatted(height, width);
            exact(golden, outcome, "index_error", key, ShiftedWindows.relativePositions(height, width));
        });
        json.path("masks").forEach(mask -> {
            boolean official = mask.path("impl").asText().equals("official");
            int H = mask.path("H").asInt(), W = mask.path("W").asInt();
            int window = mask.path(official ? "window" : "requested_window").asInt();
            int shift = mask.path(official ? "shift" : "requested_shift").asInt();
            var windows = official
                    ? new ShiftedWindows(window, window, shift, shift)
                    : ShiftedWindows.fit(H, W, window, window, shift, shift);
            var key = "mask_%s/%dx%d_w%d_s%d".formatted(official ? "official" : "timm", H, W, window, shift);
            if (!official) {
                effective(mask.path("effective").toString(), windows, key, outcome);
            }
            if (golden.has(key)) {
                exact(golden, outcome, "mask_error", key, windows.mask(H, W));
            } else if (windows.isShifted()) {
                outcome.fail("'%s' needs no mask, but the windows are shifted".formatted(key));
            }
        });
        json.path("resize").forEach(job -> {
            int i = job.path("i").asInt();
            var side = job.path("dst_window");
            int height = side.get(0).asInt(), width = side.get(1).asInt();
            var table = golden.tensor("table_in/" + i);
            resized(
                    golden,
                    outcome,
                    "table_linear/" + i,
                    RelativePositionTables.resample(table, Optional.empty(), new Window(height, width)));
            resized(golden, outcome, "table_simple/" + i, RelativePositionTables.resampleBicubic(table, height, width));
        });
        json.path("v2_coords").forEach(job -> {
            int window = job.path("window").asInt(),
                    pretrained = job.path("pretrained").asInt();
            var key = "v2_coords/w%d_p%d".formatted(window, pretrained);
            close(
                    golden,
                    outcome,
                    "coordinates_error",
                    key,
                    ShiftedWindows.logCoordinates(window, window, pretrained),
                    COORDINATES);
        });
    }

    private static void effective(String expected, ShiftedWindows windows, String key, Outcome.Collector outcome) {
        var found = "{\"window\":[%d,%d],\"shift\":[%d,%d]}"
                .formatted(windows.height(), windows.width(), windows.shiftRows(), windows.shiftColumns());
        if (!expected.equals(found)) {
            outcome.fail("the windows of '%s' are %s, but %s were expected".formatted(key, found, expected));
        }
    }

    private static void resized(GoldenCase golden, Outcome.Collector outcome, String key, Optional<Tensor> table) {
        table.ifPresentOrElse(
                found -> close(golden, outcome, "table_error", key, found, BIASES),
                () -> outcome.fail("'%s' is not for a square window".formatted(key)));
    }

    private static void exact(GoldenCase golden, Outcome.Collector outcome, String figure, String key, Tensor found) {
        close(golden, outcome, figure, key, found, 0);
    }

    private static void close(
            GoldenCase golden, Outcome.Collector outcome, String figure, String key, Tensor found, double tolerance) {
        var expected = golden.tensor(key);
        if (!Arrays.equals(found.shape(), expected.shape())) {
            outcome.fail("'%s' has the shape %s, but %s was expected"
                    .formatted(key, Arrays.toString(found.shape()), Arrays.toString(expected.shape())));
            return;
        }
        outcome.check(
                figure, "'%s'".formatted(key), Difference.of(found.toFloats(), expected.toFloats()), tolerance, 0);
    }
}
