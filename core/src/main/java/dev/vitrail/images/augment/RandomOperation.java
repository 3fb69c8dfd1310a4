package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * An operation that is applied by chance, at a level that chance may move: timm's {@code AugmentOp}.
 *
 * @param probability that it is applied
 * @param magnitude its level
 * @param std of a normal distribution around that level; infinite for any level from 0 to {@code magnitude} alike
 * @param limit the highest level that comes of it
 */
record RandomOperation(
        AugmentOperation operation,
        double probability,
        double magnitude,
        double std,
        double limit,
        AffineSettings motion)
        implements ImageTransform {
    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        if (probability < 1 && random.nextDouble() >= probability) {
            return image;
        }
        double level = magnitude;
        if (std == Double.POSITIVE_INFINITY) {
            level = magnitude * random.nextDouble();
        } else if (std > 0) {
            level = magnitude + std * random.nextGaussian();
        }
        return operation.apply(image, Math.max(0, Math.min(level, limit)), motion, random);
    }
}
