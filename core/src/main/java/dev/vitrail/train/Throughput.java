package dev.vitrail.train;

/** Speed of steps as an exponential moving average over a few dozen, so that a slow first step soon drops out. */
final class Throughput {
    private static final double MEMORY = 0.95;

    private double weight;
    private double images;
    private double seconds;

    void add(int stepImages, double stepSeconds) {
        weight = weight * MEMORY + 1;
        images = images * MEMORY + stepImages;
        seconds = seconds * MEMORY + stepSeconds;
    }

    double imagesPerSecond() {
        return seconds == 0 ? 0 : images / seconds;
    }

    double secondsPerStep() {
        return weight == 0 ? 0 : seconds / weight;
    }
}
