package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.SampleRandom;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.images.Region;
import dev.vitrail.images.augment.Distributions;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Mixes the images of a batch, and their labels with them: mixup (Zhang et al., 2018, arXiv:1710.09412) lays one over
 * another, CutMix (Yun et al., 2019, arXiv:1905.04899) puts a rectangle of one into another. As timm has it ({@code
 * mixup.py}): image i is mixed with image B − 1 − i.
 *
 * <p>Shapes: {@code B} images, {@code K} classes. A share λ is how much of an image and of its label is left.
 *
 * @param mixup α of the Beta distribution of mixup's shares, 0 for no mixup
 * @param cutmix the same for CutMix
 * @param cutmixSides smallest and largest side of CutMix's rectangle as parts of the image's, drawn uniformly; empty:
 *     sides follow from λ. Where it is given, CutMix is on with α = 1
 * @param probability that a batch, pair or image is mixed at all
 * @param switchProbability that it is CutMix, where both are on
 * @param mode what shares one λ
 * @param smoothing share of a label spread evenly over all classes
 * @param offEpoch the epoch, from 0, that mixes no more; empty: all mix
 */
public record Mixing(
        double mixup,
        double cutmix,
        Optional<Sides> cutmixSides,
        double probability,
        double switchProbability,
        Mode mode,
        double smoothing,
        OptionalInt offEpoch) {
    /** Keeps what is drawn here apart from what else a run's seed decides. */
    private static final long PURPOSE = 0x6d6978;

    /** Unit of images that share one λ; timm's names in lower case. */
    public enum Mode {
        /** All images of a batch. */
        BATCH,
        /** The two images that are mixed with each other. */
        PAIR,
        /** Nothing: each image has its own. */
        ELEM
    }

    /** The sides of CutMix's rectangle, as parts of the image's. */
    public record Sides(double smallest, double largest) {
        public Sides {
            require(
                    smallest >= 0 && smallest < largest && largest <= 1,
                    "the sides of CutMix's rectangle need 0 ≤ smallest < largest ≤ 1, found %s and %s",
                    smallest,
                    largest);
        }

        /** Refuses sides between which an image of this size has no whole number of pixels. */
        public void requireRoomIn(int height, int width) {
            range(height);
            range(width);
        }

        /** Range that a side of an image of {@code whole} pixels is drawn from, the end excluded. */
        private Range range(int whole) {
            var range = new Range((int) (whole * smallest), (int) (whole * largest));
            require(
                    range.least < range.end,
                    "between %s and %s of %d pixels there is no side for CutMix's rectangle; set them further apart",
                    smallest,
                    largest,
                    whole);
            return range;
        }

        private record Range(int least, int end) {
            int draw(RandomGenerator random) {
                return random.nextInt(least, end);
            }
        }
    }

    /**
     * A mixed batch.
     *
     * @param images {@code [B, C, H, W]}
     * @param targets {@code [B, K]} F32, what {@link Losses} take for probabilities
     */
    public record Mixed(Tensor images, Tensor targets) {}

    /**
     * Mixing of one image.
     *
     * @param share λ
     * @param patch what comes from the other image; empty: the two are laid over each other
     */
    public record Mix(double share, Optional<Region> patch) {
        private static final Mix NONE = new Mix(1, Optional.empty());

        /** Mixup with this share of the image. */
        public static Mix over(double share) {
            return new Mix(share, Optional.empty());
        }

        /** CutMix: the share is what the patch leaves of {@code height × width} pixels. */
        public static Mix patch(Region patch, int height, int width) {
            double area = (double) patch.width() * patch.height();
            return new Mix(1 - area / ((double) height * width), Optional.of(patch));
        }
    }

    public Mixing {
        require(
                mixup >= 0 && cutmix >= 0 && Double.isFinite(mixup) && Double.isFinite(cutmix),
                "the α of mixup and CutMix is 0 or more, usually 0.8 and 1, found %s and %s",
                mixup,
                cutmix);
        require(
                mixup > 0 || cutmix > 0 || cutmixSides.isPresent(),
                "mixing needs mixup, CutMix or the sides of CutMix's rectangle, found none; leave it out to"
                        + " mix nothing");
        require(
                probability >= 0 && probability <= 1 && switchProbability >= 0 && switchProbability <= 1,
                "the probabilities of mixing and of switching to CutMix lie between 0 and 1, found %s and %s",
                probability,
                switchProbability);
        require(smoothing >= 0 && smoothing < 1, "label smoothing lies in [0, 1), found %s", smoothing);
    }

    /**
     * timm's defaults around the two strengths: every batch is mixed as a whole, half of them by CutMix where both are
     * on.
     */
    public static Mixing of(double mixup, double cutmix, double smoothing) {
        return new Mixing(mixup, cutmix, Optional.empty(), 1, 0.5, Mode.BATCH, smoothing, OptionalInt.empty());
    }

    /** Returns whether epoch {@code epoch}, from 0, mixes. */
    public boolean isOn(int epoch) {
        return offEpoch.isEmpty() || epoch < offEpoch.getAsInt();
    }

    /**
     * The chance of one update: it follows from the two numbers alone, whatever else has drawn and however many threads
     * there are.
     */
    public static RandomGenerator random(long seed, long update) {
        return SampleRandom.of(seed, update, PURPOSE);
    }

    /**
     * Mixes a batch; the images are changed where they lie.
     *
     * @param images {@code [B, C, H, W]}, B even
     * @param labels {@code [B]} I64
     * @param classes K
     */
    public Mixed apply(Tensor images, Tensor labels, long classes, RandomGenerator random) {
        int count = Math.toIntExact(images.size(0));
        return apply(
                images,
                labels,
                classes,
                random,
                count,
                IntStream.range(0, count).toArray());
    }

    /**
     * Mixes a process's share of a batch as it would be mixed in the whole batch.
     *
     * @param whole images in the whole batch, even
     * @param places {@code [B]}, which of them these are: with image i comes image whole − 1 − i
     */
    public Mixed apply(Tensor images, Tensor labels, long classes, RandomGenerator random, int whole, int[] places) {
        images.requireDims(4, "a batch to mix");
        require(
                whole % 2 == 0,
                "mixing takes the images of a batch in pairs and needs an even number, found %d; change the batch size",
                whole);
        var all = draw(whole, Math.toIntExact(images.size(2)), Math.toIntExact(images.size(3)), random);
        var mixes = IntStream.of(places).mapToObj(all::get).toList();
        mix(images, mixes);
        return new Mixed(images, targets(labels, mixes, classes, smoothing));
    }

    /** Draws the mixing of each of {@code count} images. */
    List<Mix> draw(int count, int height, int width, RandomGenerator random) {
        var mixes = new Mix[count];
        switch (mode) {
            case BATCH -> Arrays.fill(mixes, draw(height, width, random));
            case PAIR -> {
                for (int i = 0; i < count / 2; i++) {
                    mixes[i] = draw(height, width, random);
                    mixes[count - 1 - i] = mixes[i];
                }
            }
            case ELEM -> {
                for (int i = 0; i < count; i++) {
                    mixes[i] = draw(height, width, random);
                }
            }
        }
        return List.of(mixes);
    }

    private Mix draw(int height, int width, RandomGenerator random) {
        if (random.nextDouble() >= probability) {
            return Mix.NONE;
        }
        boolean cuts = cutmix > 0 || cutmixSides.isPresent();
        if (mixup > 0 && !(cuts && random.nextDouble() < switchProbability)) {
            return Mix.over(Distributions.beta(mixup, random));
        }
        var patch = cutmixSides.isPresent()
                ? patch(cutmixSides.get(), height, width, random)
                : patch(Distributions.beta(cutmix, random), height, width, random);
        return patch.map(region -> Mix.patch(region, height, width)).orElse(Mix.NONE);
    }

    /**
     * A rectangle of {@code 1 − share} of the area around a point anywhere, as much of it as lies within; empty if that
     * is no pixel.
     */
    private static Optional<Region> patch(double share, int height, int width, RandomGenerator random) {
        double side = Math.sqrt(1 - share);
        int halfHeight = (int) (height * side) / 2;
        int halfWidth = (int) (width * side) / 2;
        int y = random.nextInt(height);
        int x = random.nextInt(width);
        int top = Math.max(y - halfHeight, 0);
        int left = Math.max(x - halfWidth, 0);
        int patchHeight = Math.min(y + halfHeight, height) - top;
        int patchWidth = Math.min(x + halfWidth, width) - left;
        return patchHeight > 0 && patchWidth > 0
                ? Optional.of(new Region(left, top, patchWidth, patchHeight))
                : Optional.empty();
    }

    private static Optional<Region> patch(Sides sides, int height, int width, RandomGenerator random) {
        int patchHeight = sides.range(height).draw(random);
        int patchWidth = sides.range(width).draw(random);
        int top = random.nextInt(height - patchHeight);
        int left = random.nextInt(width - patchWidth);
        return patchHeight > 0 && patchWidth > 0
                ? Optional.of(new Region(left, top, patchWidth, patchHeight))
                : Optional.empty();
    }

    /**
     * Mixes each image with its opposite, where it lies.
     *
     * @param images {@code [B, C, H, W]}
     * @param mixes one for each image
     */
    public static void mix(Tensor images, List<Mix> mixes) {
        Frame.run(() -> {
            if (mixes.stream().distinct().count() == 1) {
                mixAll(images, mixes.get(0));
            } else {
                mixEach(images, mixes);
            }
        });
    }

    private static void mixAll(Tensor images, Mix mix) {
        if (mix.patch().isPresent()) {
            var patch = patch(images, mix.patch().get());
            patch.copyInPlace(patch.flip(0));
        } else if (mix.share() != 1) {
            var others = images.flip(0).timesInPlace(1 - mix.share());
            images.timesInPlace(mix.share()).plusInPlace(others);
        }
    }

    private static void mixEach(Tensor images, List<Mix> mixes) {
        var others = images.flip(0);
        var kept = new float[mixes.size()];
        boolean over = false;
        for (int i = 0; i < kept.length; i++) {
            var mix = mixes.get(i);
            if (mix.patch().isPresent()) {
                var region = mix.patch().get();
                patch(images.narrow(0, i, 1), region).copyInPlace(patch(others.narrow(0, i, 1), region));
                kept[i] = 1;
            } else {
                kept[i] = (float) mix.share();
                over |= kept[i] != 1;
            }
        }
        if (over) {
            var share =
                    Tensor.of(kept, kept.length, 1, 1, 1).to(images.device()).to(images.dtype());
            others.timesInPlace(share.negated().plusInPlace(1));
            images.timesInPlace(share).plusInPlace(others);
        }
    }

    /** The pixels of a rectangle in each image, not copied. */
    private static Tensor patch(Tensor images, Region region) {
        return images.narrow(2, region.top(), region.height()).narrow(3, region.left(), region.width());
    }

    /**
     * The targets that belong to mixed images.
     *
     * @param labels {@code [B]} I64
     * @param mixes one for each image
     * @return {@code [B, K]} F32; each row sums to 1
     */
    public static Tensor targets(Tensor labels, List<Mix> mixes, long classes, double smoothing) {
        return Frame.of(() -> {
            var own = Functional.oneHot(labels, classes)
                    .timesInPlace(1 - smoothing)
                    .plusInPlace(smoothing / classes);
            var shares = new float[mixes.size()];
            for (int i = 0; i < shares.length; i++) {
                shares[i] = (float) mixes.get(i).share();
            }
            var share = Tensor.of(shares, shares.length, 1).to(labels.device());
            var others = own.flip(0).timesInPlace(share.negated().plusInPlace(1));
            return own.timesInPlace(share).plusInPlace(others);
        });
    }
}
