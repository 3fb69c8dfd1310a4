package dev.vitrail.data;

import dev.vitrail.images.RgbImage;

/**
 * Paints one image of {@link StainedGlass}: panes of coloured glass between lead lines, and on them a leaded shape of
 * patterned glass. All arithmetic is that of Java's doubles, with {@link StrictMath} for sines, so that the bytes are
 * the same everywhere.
 */
final class GlassPainter {
    /** Half the width of the lead round the shape, pixels. */
    private static final double SHAPE_LEAD = 0.8;
    /** Half the width of the lead between background panes, pixels. */
    private static final double PANE_LEAD = 0.45;
    /** Brightness of the glass by the light, from the darkest corner to the brightest. */
    private static final double LIGHT = 0.35;

    private static final double[] LEAD = {0.07, 0.07, 0.09};
    /** Brightness of red, green and blue to the eye (ITU-R BT.601). */
    private static final double[] LUMA = {0.299, 0.587, 0.114};

    private final StainedGlass.Difficulty difficulty;
    private final int size;
    private final SampleRandom random;
    private final double[] pixel = new double[3];

    GlassPainter(StainedGlass.Difficulty difficulty, SampleRandom random) {
        this.difficulty = difficulty;
        this.size = difficulty.size();
        this.random = random;
    }

    RgbImage paint(StainedGlass.Shape shape, StainedGlass.Texture texture) {
        double radius = size * random.nextDouble(difficulty.smallest(), difficulty.largest());
        double reach = radius * shape.reach() + 1.5;
        double x = placed(reach);
        double y = placed(reach);
        double tilt = radians(random.nextDouble(-difficulty.tilt(), difficulty.tilt()));
        GlassOutline outline = new GlassOutline(shape, radius, x, y, tilt);
        Pattern pattern = new Pattern(texture);
        Panes panes = new Panes();
        double lightAngle = random.nextDouble(0, 2 * Math.PI);
        double lightX = StrictMath.cos(lightAngle) * LIGHT / size;
        double lightY = StrictMath.sin(lightAngle) * LIGHT / size;

        byte[] bytes = new byte[3 * size * size];
        for (int row = 0, at = 0; row < size; row++) {
            for (int column = 0; column < size; column++, at += 3) {
                double px = column + 0.5;
                double py = row + 0.5;
                double distance = outline.distance(px, py);
                if (distance > -1) {
                    panes.paint(px, py);
                }
                if (distance < SHAPE_LEAD + 1) {
                    double glass = covered(distance);
                    if (glass > 0) {
                        pattern.paint(px, py, glass);
                    }
                    blend(LEAD, covered(Math.abs(distance) - SHAPE_LEAD));
                }
                double light = 1 + lightX * (px - 0.5 * size) + lightY * (py - 0.5 * size);
                store(bytes, at, light);
            }
        }
        return new RgbImage(size, size, bytes);
    }

    /** A coordinate at which something that reaches {@code reach} pixels stays within the image, or the middle. */
    private double placed(double reach) {
        double play = Math.max(0, 0.5 * size - reach);
        return 0.5 * size + (2 * random.nextDouble() - 1) * play;
    }

    private void store(byte[] bytes, int at, double light) {
        long bits = random.nextLong();
        for (int c = 0; c < 3; c++) {
            // Two uniform numbers of ten bits: noise with the density of a triangle, between −1 and 1.
            double noise = ((bits & 0x3FF) + (bits >>> 10 & 0x3FF) - 1023) / 1023.0;
            bits >>>= 20;
            double level = 255 * (pixel[c] * light + difficulty.noise() * noise);
            bytes[at + c] = (byte) (level <= 0 ? 0 : level >= 255 ? 255 : (int) (level + 0.5));
        }
    }

    /**
     * Fraction of a pixel on the inner side of an edge that is {@code distance} pixels away; negative is inside.
     */
    private static double covered(double distance) {
        return distance <= -0.5 ? 1 : distance >= 0.5 ? 0 : 0.5 - distance;
    }

    private void blend(double[] colour, double share) {
        for (int c = 0; c < 3; c++) {
            pixel[c] += share * (colour[c] - pixel[c]);
        }
    }

    private static double radians(double degrees) {
        return degrees * (Math.PI / 180);
    }

    /** Glass of a random hue and a given brightness to the eye, from 0 to 1. */
    private double[] glass(double luma, double saturation) {
        double hue = random.nextDouble(0, 6);
        double[] colour = new double[3];
        double own = 0;
        for (int c = 0; c < 3; c++) {
            // Each channel is a trapezium over the circle of hues, a third of it after the one before.
            double turn = (hue + 6 - 2 * c) % 6;
            double pure = Math.min(1, Math.max(0, Math.abs(turn - 3) - 1));
            colour[c] = 1 - saturation * (1 - pure);
            own += LUMA[c] * colour[c];
        }
        for (int c = 0; c < 3; c++) {
            // Too bright a colour is darkened, too dark a one is thinned with white.
            colour[c] = own >= luma ? colour[c] * luma / own : 1 - (1 - colour[c]) * (1 - luma) / (1 - own);
        }
        return colour;
    }

    /** The background: panes on either side of a few straight lead lines. */
    private final class Panes {
        private final int lines = random.nextInt(difficulty.leads() + 1);
        private final double[] normalX = new double[lines];
        private final double[] normalY = new double[lines];
        private final double[] offset = new double[lines];
        private final double[][] colours = new double[1 << lines][];

        Panes() {
            for (int i = 0; i < lines; i++) {
                double angle = random.nextDouble(0, 2 * Math.PI);
                normalX[i] = StrictMath.cos(angle);
                normalY[i] = StrictMath.sin(angle);
                double throughX = random.nextDouble(0.1, 0.9) * size;
                double throughY = random.nextDouble(0.1, 0.9) * size;
                offset[i] = normalX[i] * throughX + normalY[i] * throughY;
            }
            for (int i = 0; i < colours.length; i++) {
                colours[i] = glass(random.nextDouble(0.3, 0.6), 0.55);
            }
        }

        void paint(double x, double y) {
            int pane = 0;
            double lead = 0;
            for (int i = 0; i < lines; i++) {
                double distance = normalX[i] * x + normalY[i] * y - offset[i];
                pane |= distance < 0 ? 1 << i : 0;
                lead = Math.max(lead, covered(Math.abs(distance) - PANE_LEAD));
            }
            System.arraycopy(colours[pane], 0, pixel, 0, 3);
            blend(LEAD, lead);
        }
    }

    /** The shape's glass: two colours, one light and one dark, in a pattern turned by any angle. */
    private final class Pattern {
        private final StainedGlass.Texture texture;
        private final double[] ground;
        private final double[] ink;
        private final double period = random.nextDouble(difficulty.finest(), difficulty.coarsest());
        private final double phaseX = random.nextDouble();
        private final double phaseY = random.nextDouble();
        private final double alongX;
        private final double alongY;

        Pattern(StainedGlass.Texture texture) {
            this.texture = texture;
            double angle = random.nextDouble(0, 2 * Math.PI);
            alongX = StrictMath.cos(angle);
            alongY = StrictMath.sin(angle);
            double middle = random.nextDouble(0.45, 0.55);
            double[] dark = glass(middle - 0.5 * difficulty.contrast(), 0.85);
            double[] light = glass(middle + 0.5 * difficulty.contrast(), 0.7);
            boolean darkOnLight = random.nextBoolean();
            ground = darkOnLight ? light : dark;
            ink = darkOnLight ? dark : light;
        }

        /** Lays the pattern over what is there, as far as the pixel is within the shape. */
        void paint(double x, double y, double share) {
            double inked =
                    inked((alongX * x + alongY * y) / period + phaseX, (alongX * y - alongY * x) / period + phaseY);
            for (int c = 0; c < 3; c++) {
                double colour = ground[c] + inked * (ink[c] - ground[c]);
                pixel[c] += share * (colour - pixel[c]);
            }
        }

        /** Ink of a pixel; {@code u} and {@code v} count periods. */
        private double inked(double u, double v) {
            double fromU = period * fromMiddle(u);
            double fromV = period * fromMiddle(v);
            return switch (texture) {
                case STRIPED -> covered(fromU - 0.25 * period);
                case CHEQUERED -> {
                    double a = covered(fromU - 0.25 * period);
                    double b = covered(fromV - 0.25 * period);
                    yield a * b + (1 - a) * (1 - b);
                }
                case DOTTED -> covered(Math.sqrt(fromU * fromU + fromV * fromV) - 0.28 * period);
            };
        }

        /** The distance to the middle of the period that a coordinate lies in, 0 to ½. */
        private static double fromMiddle(double u) {
            return Math.abs(u - Math.floor(u) - 0.5);
        }
    }
}
