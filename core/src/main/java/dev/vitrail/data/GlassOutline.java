package dev.vitrail.data;

/** The outline of a shape that has been placed in an image, asked for its distance from a point. */
final class GlassOutline {
    /** Pixels beyond which a distance is only used to say that a point is outside. */
    private static final double FAR = 2;

    private final double reach;
    private final double x;
    private final double y;
    private final double[] cornerX; // empty for a circle
    private final double[] cornerY;

    /**
     * @param radius of a circle of the shape's size, pixels
     * @param x middle, pixels from the left
     * @param y middle, pixels from the top
     * @param tilt radians
     */
    GlassOutline(StainedGlass.Shape shape, double radius, double x, double y, double tilt) {
        this.reach = radius * shape.reach();
        this.x = x;
        this.y = y;
        int corners = shape.corners();
        cornerX = new double[corners];
        cornerY = new double[corners];
        for (int i = 0; i < corners; i++) {
            double angle = tilt + shape.firstCorner() + 2 * Math.PI * i / corners;
            double out = reach * (i % 2 == 0 ? 1 : shape.inner());
            cornerX[i] = x + out * StrictMath.cos(angle);
            cornerY[i] = y - out * StrictMath.sin(angle);
        }
    }

    /** Pixels from a point to the nearest of the outline; negative inside. */
    double distance(double px, double py) {
        double dx = px - x;
        double dy = py - y;
        double fromMiddle = Math.sqrt(dx * dx + dy * dy);
        // Far outside, the circle round all corners is near enough: nobody asks by how much a point is far.
        if (cornerX.length == 0 || fromMiddle > reach + FAR) {
            return fromMiddle - reach;
        }
        double nearest = Double.MAX_VALUE;
        boolean inside = false;
        int j = cornerX.length - 1;
        for (int i = 0; i < cornerX.length; i++) {
            double edgeX = cornerX[i] - cornerX[j];
            double edgeY = cornerY[i] - cornerY[j];
            double fromX = px - cornerX[j];
            double fromY = py - cornerY[j];
            double along = (fromX * edgeX + fromY * edgeY) / (edgeX * edgeX + edgeY * edgeY);
            along = Math.max(0, Math.min(1, along));
            double offX = fromX - along * edgeX;
            double offY = fromY - along * edgeY;
            nearest = Math.min(nearest, offX * offX + offY * offY);
            // A ray to the right crosses the edges of a polygon an odd number of times if it starts inside.
            if ((cornerY[i] > py) != (cornerY[j] > py) && px < cornerX[j] + edgeX * (py - cornerY[j]) / edgeY) {
                inside = !inside;
            }
            j = i;
        }
        double distance = Math.sqrt(nearest);
        return inside ? -distance : distance;
    }
}
