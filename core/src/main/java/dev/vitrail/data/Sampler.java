package dev.vitrail.data;

/**
 * The order in which an epoch visits a data set: a pure function of the epoch's number, so that a run which is taken up
 * again in the middle of an epoch sees what it would have seen.
 *
 * <p>An index may occur more than once (repeated augmentation, balanced classes) or never (one process's share of
 * the set): a loader gives each <em>position</em> of the order a random generator of its own. What must not change
 * is {@link #length}.
 */
public interface Sampler {
    /** Number of positions in an epoch. */
    int length();

    /** The data-set indices of epoch {@code epoch} (from 0), in order, {@link #length} of them. */
    int[] order(int epoch);

    /** 0, 1, 2 … {@code size − 1} in every epoch. */
    static Sampler sequential(int size) {
        return new Sampler() {
            @Override
            public int length() {
                return size;
            }

            @Override
            public int[] order(int epoch) {
                return ascending(size);
            }
        };
    }

    /**
     * Every index once, in an order that (seed, epoch) decide: the shuffle of Fisher and Yates, as Durstenfeld
     * put it (1964).
     */
    static Sampler shuffled(int size, long seed) {
        return new Sampler() {
            @Override
            public int length() {
                return size;
            }

            @Override
            public int[] order(int epoch) {
                return shuffle(ascending(size), SampleRandom.of(seed, epoch, 0x73687566));
            }
        };
    }

    /**
     * Every class as often as every other: the classes take turns, each turn in an order of its own, and a class gives
     * its images in shuffled rounds. An epoch has as many positions as there are labelled images, so those of a large
     * class do not all occur, and those of a small one recur.
     *
     * @param labels the class of each image; negative where there is none, and then the image never occurs
     */
    static Sampler balanced(int[] labels, long seed) {
        return new BalancedSampler(labels, seed);
    }

    /**
     * Repeated augmentation (Berman et al., 2019, arXiv:1902.05509; Hoffer et al., 2020, arXiv:1901.09335) as DeiT's
     * and timm's samplers have it: each index {@code times} times in a row, and as many positions as before, cut down
     * to a multiple of 256, so that an epoch sees one image in {@code times}. We differ in one place: below 256
     * positions none is cut, where theirs would leave nothing.
     */
    default Sampler repeated(int times) {
        return new RepeatedSampler(this, times);
    }

    /**
     * The epochs of this sampler one after the other, cut into epochs of another length: those of a small set can be
     * made as long as those of a large one, so that both get as many updates between two validations.
     *
     * @param length positions of an epoch
     */
    default Sampler cutInto(int length) {
        return new CutSampler(this, length);
    }

    private static int[] ascending(int size) {
        int[] order = new int[size];
        for (int i = 0; i < size; i++) {
            order[i] = i;
        }
        return order;
    }

    /** Shuffles {@code order} where it stands, and returns it. */
    static int[] shuffle(int[] order, SampleRandom random) {
        for (int i = order.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        return order;
    }
}
