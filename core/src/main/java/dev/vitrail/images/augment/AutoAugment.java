package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * AutoAugment (Cubuk et al., 2019, arXiv:1805.09501): one policy drawn from a list that was searched for, and its
 * operations one after another.
 *
 * @param policies the operations of each, in their order
 */
record AutoAugment(List<List<RandomOperation>> policies) implements ImageTransform {
    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        var result = image;
        for (var operation : policies.get(random.nextInt(policies.size()))) {
            result = operation.apply(result, random);
        }
        return result;
    }
}
