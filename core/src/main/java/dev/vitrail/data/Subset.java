package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** Some of the images of another set, in a given order; its classes stay as they are. */
public final class Subset extends DatasetView {
    private final int[] indices;
    private final String remark;

    /**
     * @param indices into {@code whole}
     * @param remark what these are, for {@link #describe}: "a tenth, held out"
     */
    public Subset(Dataset whole, int[] indices, String remark) {
        super(whole);
        this.indices = indices.clone();
        this.remark = remark;
        for (int index : indices) {
            VitrailException.require(
                    index >= 0 && index < whole.size(),
                    "a subset asks for image %d of %d; indices run from 0",
                    index,
                    whole.size());
        }
    }

    /**
     * Parts a set in two that do not overlap. Each class is parted by itself, so that a rare one is in both; the same
     * seed gives the same parts on any machine.
     *
     * @param fraction of the images of each class that are held out, between 0 and 1; at least one of each,
     *     and never all
     * @throws VitrailException if a class has a single image, which cannot be on both sides
     */
    public static TrainAndValidation holdOut(Dataset whole, double fraction, long seed) {
        VitrailException.require(
                fraction > 0 && fraction < 1, "the held-out fraction must lie between 0 and 1, found %s", fraction);
        int[] labels = whole.labels();
        int[] counts = Descriptions.counts(whole.classes().size(), labels);
        List<String> single = new ArrayList<>();
        boolean[] held = new boolean[labels.length];
        for (int c = 0; c < counts.length; c++) {
            if (counts[c] == 1) {
                single.add(whole.classes().get(c));
            }
            hold(held, labels, c, counts[c], fraction, seed);
        }
        VitrailException.require(
                single.isEmpty(),
                "%s have one image only, which cannot be held out as well: %s; add images or a folder of validation"
                        + " images",
                Descriptions.count(single.size(), "class"),
                Descriptions.some(single));
        String share = "%.0f %%".formatted(100 * fraction);
        return new TrainAndValidation(
                new Subset(whole, where(held, labels, false), "without the " + share + " held out"),
                new Subset(whole, where(held, labels, true), "the " + share + " held out"));
    }

    private static void hold(boolean[] held, int[] labels, int label, int count, double fraction, long seed) {
        int[] members = shuffledMembers(labels, label, SampleRandom.of(seed, label, 0x686f6c64));
        long wanted = Math.min(count - 1L, Math.max(1, Math.round(count * fraction)));
        for (int i = 0; i < wanted; i++) {
            held[members[i]] = true;
        }
    }

    /**
     * A share of each class, so that classes keep their proportions: what a model learns from when labels are scarce.
     * The same seed gives the same images on any machine, and a smaller share of the same seed is part of a larger one.
     *
     * @param share of the images of each class, in (0, 1]; at least one of each that has any
     */
    public static Dataset ofShare(Dataset whole, double share, long seed) {
        VitrailException.require(
                share > 0 && share <= 1,
                "the share of the images that is used must be above 0 and at most 1, found %s",
                share);
        if (share == 1) {
            return whole;
        }
        int[] drawn = drawn(
                whole.labels(), whole.classes().size(), count -> (int) Math.max(1, Math.round(count * share)), seed);
        return new Subset(
                whole,
                drawn,
                "%s %% of each class"
                        .formatted(BigDecimal.valueOf(100 * share)
                                .round(new MathContext(6))
                                .stripTrailingZeros()
                                .toPlainString()));
    }

    /**
     * Some images of each class, the first of an order that the seed decides.
     *
     * @param labels of all images; those below 0 are never drawn
     * @param wanted how many of a class of that many images
     * @return indices, ascending
     */
    public static int[] drawn(int[] labels, int classes, IntUnaryOperator wanted, long seed) {
        boolean[] chosen = new boolean[labels.length];
        for (int c = 0; c < classes; c++) {
            int[] members = shuffledMembers(labels, c, SampleRandom.of(seed, c, 0x64726177));
            int count = Math.min(members.length, wanted.applyAsInt(members.length));
            for (int i = 0; i < count; i++) {
                chosen[members[i]] = true;
            }
        }
        return where(chosen, labels, true);
    }

    private static int[] shuffledMembers(int[] labels, int label, SampleRandom random) {
        int[] members = IntStream.range(0, labels.length)
                .filter(i -> labels[i] == label)
                .toArray();
        return Sampler.shuffle(members, random);
    }

    private static int[] where(boolean[] held, int[] labels, boolean value) {
        int[] found = new int[held.length];
        int n = 0;
        for (int i = 0; i < held.length; i++) {
            if (held[i] == value && labels[i] != NO_LABEL) {
                found[n++] = i;
            }
        }
        return Arrays.copyOf(found, n);
    }

    @Override
    public int size() {
        return indices.length;
    }

    @Override
    protected int place(int index) {
        return indices[index];
    }

    @Override
    public String describe() {
        String description = set.describe();
        int colon = description.indexOf(": ");
        String origin = colon < 0 ? description : description.substring(0, colon);
        return Descriptions.of(origin + " (" + remark + ")", classes(), labels());
    }
}
