package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import java.util.ArrayList;
import java.util.List;

/** Implementation of {@link Sampler#balanced}. */
final class BalancedSampler implements Sampler {
    private static final long PURPOSE = 0x62616c;

    /** The images of each class that has any. */
    private final List<int[]> members;

    private final int length;
    private final long seed;

    BalancedSampler(int[] labels, long seed) {
        this.seed = seed;
        int[] counts = ClassWeights.counts(labels);
        members = new ArrayList<>();
        int[][] byClass = new int[counts.length][];
        int total = 0;
        for (int c = 0; c < counts.length; c++) {
            byClass[c] = new int[counts[c]];
            total += counts[c];
            if (counts[c] > 0) {
                members.add(byClass[c]);
            }
        }
        require(total > 0, "sampling classes alike needs labels, found none; sample without it");
        length = total;
        int[] filled = new int[counts.length];
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] >= 0) {
                byClass[labels[i]][filled[labels[i]]++] = i;
            }
        }
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public int[] order(int epoch) {
        var random = SampleRandom.of(seed, epoch, PURPOSE);
        int[] turns = new int[members.size()];
        int[] taken = new int[members.size()];
        var rounds = new int[members.size()][];
        for (int c = 0; c < turns.length; c++) {
            turns[c] = c;
            rounds[c] = members.get(c).clone();
        }
        int[] order = new int[length];
        for (int i = 0; i < length; i++) {
            int turn = i % turns.length;
            if (turn == 0) {
                Sampler.shuffle(turns, random);
            }
            int c = turns[turn];
            int place = taken[c]++ % rounds[c].length;
            if (place == 0) {
                Sampler.shuffle(rounds[c], random);
            }
            order[i] = rounds[c][place];
        }
        return order;
    }
}
