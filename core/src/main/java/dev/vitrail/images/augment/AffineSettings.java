package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Settings of the operations of {@link AugmentationSpec} that shift, shear or rotate an image.
 *
 * @param interpolations nearest, bilinear or bicubic; one is drawn for each operation
 * @param fill red, green and blue, 0–255, of what comes in from outside
 * @param reach how far a shift at level 10 goes, as a part of the image's side
 */
public record AffineSettings(List<Interpolation> interpolations, List<Integer> fill, double reach) {
    /** timm's reach of a shift. */
    static final double DEFAULT_REACH = 0.45;

    private static final Set<Interpolation> KNOWN =
            Set.of(Interpolation.NEAREST, Interpolation.BILINEAR, Interpolation.BICUBIC);

    public AffineSettings {
        interpolations = List.copyOf(interpolations);
        fill = List.copyOf(fill);
        VitrailException.require(
                !interpolations.isEmpty() && KNOWN.containsAll(interpolations),
                "Images are sheared, shifted and rotated by nearest, bilinear or bicubic interpolation, found %s;"
                        + " choose among these.",
                interpolations.stream().map(Interpolation::key).toList());
        VitrailException.require(
                fill.size() == 3 && fill.stream().allMatch(level -> level >= 0 && level <= 255),
                "A fill colour has three levels from 0 to 255, found %s.",
                fill);
        VitrailException.require(
                reach >= 0 && reach <= 1,
                "A shift reaches over a part from 0 to 1 of an image's side, found %s.",
                reach);
    }

    /** timm's defaults: what comes in has the mean colour of the statistics. */
    public static AffineSettings of(Normalization statistics, List<Interpolation> interpolations) {
        return new AffineSettings(interpolations, statistics.meanColor(), DEFAULT_REACH);
    }

    /** Settings as of {@link #of(Normalization, List)}, with the interpolation of the weights' preprocessing. */
    public static AffineSettings of(Preprocessing input) {
        return of(input.normalization(), List.of(input.interpolation()));
    }

    AffineSettings withReach(double newReach) {
        return new AffineSettings(interpolations, fill, newReach);
    }

    /** The image seen through a map, by an interpolation that chance decides. */
    RgbImage move(RgbImage image, Affine map, RandomGenerator random) {
        int choice = interpolations.size() == 1 ? 0 : random.nextInt(interpolations.size());
        return map.apply(image, interpolations.get(choice), fill);
    }
}
