package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;

/**
 * Turns the hue by way of Pillow's mode {@code HSV} ({@code Convert.c}), which gives each of the three a byte,
 * as torchvision does.
 */
final class Hue {
    /** Distance of each hue of 255 from the corner of the colour hexagon before it, in sixths of the circle. */
    private static final float[] FRACTIONS = new float[256];

    static {
        for (int hue = 0; hue < FRACTIONS.length; hue++) {
            FRACTIONS[hue] = (float) (hue * 6.0 / 255.0 - hue * 6 / 255);
        }
    }

    private Hue() {}

    /** @param turns from −0.5 to 0.5 of the circle of colours */
    static RgbImage shifted(RgbImage image, double turns) {
        int shift = (int) (turns * 255);
        byte[] levels = image.pixels();
        var pixels = new byte[levels.length];
        for (int i = 0; i < levels.length; i += 3) {
            int red = levels[i] & 0xff;
            int green = levels[i + 1] & 0xff;
            int blue = levels[i + 2] & 0xff;
            int value = Math.max(red, Math.max(green, blue));
            int range = value - Math.min(red, Math.min(green, blue));
            int saturation = range == 0 ? 0 : (int) ((float) range / value * 255.0);
            if (saturation == 0) {
                pixels[i] = pixels[i + 1] = pixels[i + 2] = (byte) value;
                continue;
            }
            int hue = hue(red, green, blue, value, range) + shift & 0xff;
            float sixths = FRACTIONS[hue];
            float chroma = (float) (saturation / 255.0);
            byte high = (byte) value;
            byte low = level(value * (1.0 - chroma));
            byte falling = level(value * (1.0 - chroma * sixths));
            byte rising = level(value * (1.0 - chroma * (1.0 - sixths)));
            switch (hue * 6 / 255) {
                case 0, 6 -> set(pixels, i, high, rising, low);
                case 1 -> set(pixels, i, falling, high, low);
                case 2 -> set(pixels, i, low, high, rising);
                case 3 -> set(pixels, i, low, falling, high);
                case 4 -> set(pixels, i, rising, low, high);
                default -> set(pixels, i, high, low, falling);
            }
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    /** The hue on a circle of 255; single and double precision take turns as they do in Pillow. */
    private static int hue(int red, int green, int blue, int value, float range) {
        float fromRed = (value - red) / range;
        float fromGreen = (value - green) / range;
        float fromBlue = (value - blue) / range;
        float sixths;
        if (red == value) {
            sixths = fromBlue - fromGreen;
        } else if (green == value) {
            sixths = (float) (2.0 + fromRed - fromBlue);
        } else {
            sixths = (float) (4.0 + fromGreen - fromRed);
        }
        double turned = sixths / 6.0 + 1.0; // from 5/6 to 11/6
        float turns = (float) (turned < 1 ? turned : turned - 1);
        return (int) (turns * 255.0);
    }

    /** Rounded half up; adding one half first could round a number just below it twice. */
    private static byte level(double value) {
        double whole = Math.floor(value);
        return (byte) (value - whole >= 0.5 ? whole + 1 : whole);
    }

    private static void set(byte[] pixels, int i, byte red, byte green, byte blue) {
        pixels[i] = red;
        pixels[i + 1] = green;
        pixels[i + 2] = blue;
    }
}
