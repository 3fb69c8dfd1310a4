package dev.vitrail.cli;

import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;

/**
 * Predicts one image with a small model of random weights, so that the JVM sees which classes a prediction loads: for
 * the launcher, which makes a class data sharing archive of them.
 */
final class ArchiveTraining {
    private static final String MODEL = "vit_mini_patch4_gap_32";

    private ArchiveTraining() {}

    /**
     * Runs {@code vitrail predict} and ends the process.
     *
     * @param arguments a folder for the model and the image
     */
    public static void main(String[] arguments) throws IOException {
        var folder = Path.of(arguments[0]);
        var model = folder.resolve("model");
        try (var loaded = LoadedModel.load(MODEL, LoadOptions.DEFAULT.withClasses(1000))) {
            ModelFolder.write(model, loaded.description(List.of()), Checkpoint.of(loaded.model()));
        }
        var image = folder.resolve("image.jpg");
        ImageIO.write(noise(64), "jpg", image.toFile());
        Main.main(new String[] {"predict", "--model", model.toString(), image.toString()});
    }

    private static BufferedImage noise(int side) {
        var random = new Random(0);
        var image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < side * side; i++) {
            image.setRGB(i % side, i / side, random.nextInt(1 << 24));
        }
        return image;
    }
}
