/**
 * The front door of the library: load a model, classify images, train.
 *
 * <p>Classify an image with published weights. They are fetched once and kept in the Hugging Face cache.
 *
 * <pre>{@code
 * try (var vitrail = Vitrail.load("vit_tiny_patch16_224.augreg_in21k_ft_in1k")) {
 *     for (Prediction found : vitrail.classify(Path.of("cat.jpg"))) {
 *         System.out.println(found.label() + " " + found.probability());
 *     }
 * }
 * }</pre>
 *
 * <p>Train a small ViT on the images that the library draws itself, or on a folder {@code photos/class/image}: name it
 * in place of {@link dev.vitrail.train.TrainingData#BUILT_IN}. The run folder then holds the best model, the options,
 * and a page to look at.
 *
 * <pre>{@code
 * var config = TrainingConfig.of("vit_mini_patch4_gap_32", TrainingData.BUILT_IN, 4).with(TrainingOptions.SEED, 7L);
 * try (var run = TrainingRun.begin(config, new RunFolder(Path.of("runs/mine")), RunOptions.DEFAULT)) {
 *     System.out.println(run.run().bestTop1());
 * }
 * }</pre>
 *
 * <p>Use what was trained like any other model.
 *
 * <pre>{@code
 * try (var vitrail = Vitrail.load("runs/mine")) {
 *     List<float[]> vectors = vitrail.embed(List.of(ImageDecoder.decode(Path.of("cat.jpg"))));
 *     System.out.println(vectors.get(0).length);
 * }
 * }</pre>
 *
 * <p>{@link dev.vitrail.loading.LoadedModel} gives the model itself, for other classes, sizes or devices. Everything
 * that holds native memory is closed with {@code try}; bad input is a {@link dev.vitrail.errors.VitrailException} that
 * says what to do.
 */
package dev.vitrail;
