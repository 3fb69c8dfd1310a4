package dev.vitrail.parity;

import dev.vitrail.errors.VitrailException;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiConsumer;

/** Cases that are no model: one topic each. */
final class MiscParity {
    private static final Map<String, BiConsumer<GoldenCase, Outcome.Collector>> TOPICS = Map.ofEntries(
            Map.entry("optimizer", TrainingParity::optimizer),
            Map.entry("schedule", TrainingParity::schedule),
            Map.entry("layer_decay", TrainingParity::layerDecay),
            Map.entry("ema", TrainingParity::ema),
            Map.entry("losses", LossParity::run),
            Map.entry("mixup", MixingParity::run),
            Map.entry("drop_path_and_init", InitParity::run),
            Map.entry("pos_embed_resample", TableParity::positions),
            Map.entry("sincos", TableParity::sinCos),
            Map.entry("swin_tables", SwinTableParity::run),
            Map.entry("primitives", PrimitiveParity::run));

    private MiscParity() {}

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var topic = golden.json().path("topic").asText();
        var runner = TOPICS.get(topic);
        VitrailException.require(
                runner != null,
                "the topic '%s' is not known here; known are %s",
                topic,
                new TreeSet<>(TOPICS.keySet()));
        if (runner != null) {
            runner.accept(golden, outcome);
        }
    }
}
