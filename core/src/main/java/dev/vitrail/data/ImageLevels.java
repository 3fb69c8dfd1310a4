package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.HashSet;
import java.util.Set;

/**
 * Grey and color levels of the images of a set, estimated from a sample.
 *
 * @param looked images that could be read
 * @param cut how many of them had sixteen bits or more and were cut to white
 * @param flat how many have one colour alone
 * @param colors how many different ones these are
 */
public record ImageLevels(int looked, int cut, int flat, int colors) {
    private static final int LOOKED_AT = 16;

    /** Reads sixteen images, evenly spread over the set. */
    public static ImageLevels of(Dataset set) {
        int wanted = Math.min(LOOKED_AT, set.size());
        int looked = 0;
        int cut = 0;
        int flat = 0;
        Set<Integer> colors = new HashSet<>();
        for (int i = 0; i < wanted; i++) {
            try {
                RgbImage image = set.image((int) ((long) i * set.size() / wanted));
                looked++;
                cut += image.cut() ? 1 : 0;
                if (isFlat(image.pixels())) {
                    flat++;
                    colors.add((image.pixels()[0] & 0xff) << 16
                            | (image.pixels()[1] & 0xff) << 8
                            | (image.pixels()[2] & 0xff));
                }
            } catch (VitrailException e) {
                continue; // loading will report it
            }
        }
        return new ImageLevels(looked, cut, flat, colors.size());
    }

    /** Returns whether nothing tells one image from another: each has the same colour alone. */
    public boolean saysNothing() {
        return looked > 1 && flat == looked && colors == 1;
    }

    private static boolean isFlat(byte[] pixels) {
        for (int i = 3; i < pixels.length; i++) {
            if (pixels[i] != pixels[i - 3]) {
                return false;
            }
        }
        return true;
    }
}
