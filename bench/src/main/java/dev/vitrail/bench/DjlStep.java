package dev.vitrail.bench;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The step of {@link VitrailStep} for ViT-Tiny, in DJL: its trainer, its AdamW, its cross entropy, a manager for
 * each step's arrays.
 */
final class DjlStep implements PeerStep {
    private static final int SIDE = 224, PATCH = 16, WIDTH = 192, DEPTH = 12, HEADS = 3, CLASSES = 1000;

    private final Model model = Model.newInstance("vit_tiny_patch16_224", "PyTorch");
    private final StepInput input;
    private final Trainer trainer;

    /** @param weights what {@link VitrailStep#writeWeights} wrote */
    DjlStep(int batch, Path weights) throws IOException {
        input = new StepInput(batch, SIDE, SIDE, CLASSES);
        var block = new DjlVisionTransformer(SIDE, PATCH, WIDTH, DEPTH, HEADS, CLASSES);
        setWeights(block, weights);
        model.setBlock(block);
        trainer = model.newTrainer(new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
                .optOptimizer(Optimizer.adamW()
                        .optLearningRateTracker(Tracker.fixed((float) StepInput.LEARNING_RATE))
                        .optWeightDecays((float) StepInput.WEIGHT_DECAY)
                        .build()));
        trainer.initialize(new Shape(batch, 3, SIDE, SIDE));
    }

    private static void setWeights(DjlVisionTransformer block, Path file) throws IOException {
        var parameters = block.getParameters();
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            int count = in.readInt();
            if (count != parameters.size()) {
                throw new IllegalStateException("expected %d parameters, found %d".formatted(parameters.size(), count));
            }
            for (int i = 0; i < count; i++) {
                var values = new float[in.readInt()];
                for (int j = 0; j < values.length; j++) {
                    values[j] = in.readFloat();
                }
                // Fails where the number of values is not the shape's.
                parameters.valueAt(i).setInitializer((manager, shape, type) -> manager.create(values, shape));
            }
        }
    }

    @Override
    public double run() {
        try (var manager = trainer.getManager().newSubManager()) {
            var images = manager.create(input.images(), new Shape(input.batch(), 3, SIDE, SIDE));
            var labels = manager.create(input.labels());
            NDArray loss;
            try (var gradients = trainer.newGradientCollector()) {
                var logits = trainer.forward(new NDList(images));
                loss = trainer.getLoss().evaluate(new NDList(labels), logits);
                gradients.backward(loss);
            }
            trainer.step();
            return loss.getFloat();
        }
    }

    @Override
    public void close() {
        trainer.close();
        model.close();
    }
}
