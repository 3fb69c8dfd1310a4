package dev.vitrail.doctor;

import dev.vitrail.data.TypicalSize;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.train.DataThresholds;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Checks the input size of a model, and that of the images it is trained on. */
final class ModelChecks {
    /**
     * Fewer patches along a side are refused: ViTs with patches of 16 on CIFAR's 32 pixels stop near 51 %
     * (vit-pytorch, issue 12).
     */
    private static final int FEWEST_PATCHES = 4;
    /** Fewer give a warning; the models that papers train have 7 (patches of 32 on 224 pixels) or more. */
    private static final int FEW_PATCHES = 6;
    /** An image whose side is that many times smaller than the input has next to nothing in a patch. */
    private static final int ENLARGED = 3;
    /** A photo whose side is that many times larger than a small input loses what tells the classes apart. */
    private static final int REDUCED = 6;

    private ModelChecks() {}

    static List<Diagnosis> of(LoadedModel loaded, TypicalSize typical) {
        var findings = new ArrayList<Diagnosis>();
        grid(loaded, findings);
        windows(loaded.model().config(), findings);
        crop(loaded, findings);
        typical.side().ifPresent(side -> enlargement(loaded, side, findings));
        return findings;
    }

    private static int side(LoadedModel loaded) {
        return Math.min(loaded.preprocessing().height(), loaded.preprocessing().width());
    }

    private static void grid(LoadedModel loaded, List<Diagnosis> findings) {
        var maps = loaded.model().featureInfo();
        if (maps.isEmpty()) {
            return;
        }
        int first = maps.get(0).strideHeight();
        int last = maps.get(maps.size() - 1).strideHeight();
        int side = side(loaded);
        var name = loaded.variant().name();
        if (first == last && side / first < FEW_PATCHES) {
            int patches = side / first;
            var sentence = "%s cuts images of %d pixels into %d×%d patches of %d pixels, too few to learn from";
            var advice =
                    "take a model with smaller patches (such as vit_mini_patch4_gap_32), or larger images (--size %d)"
                            .formatted(7 * first);
            findings.add(
                    patches < FEWEST_PATCHES
                            ? Diagnosis.refuse(advice, sentence, name, side, patches, patches, first)
                            : Diagnosis.warn(advice, sentence, name, side, patches, patches, first));
        } else if (first != last && side / last < 2) {
            findings.add(Diagnosis.warn(
                    ("take a model for small images (such as swin_mini_32 or convnext_mini_32), or larger images"
                                    + " (--size %d)")
                            .formatted(7 * last),
                    "the last stage of %s sees an image of %d pixels as a single cell, as each stands for %d",
                    name,
                    side,
                    last));
        }
    }

    /** Padding or cutting to fit the model, and the nearest sizes that need none. */
    private static void windows(ModelConfig config, List<Diagnosis> findings) {
        config.adjusted().ifPresent(sentence -> {
            var fitting = IntStream.rangeClosed(config.imageHeight() / 2, 2 * config.imageHeight())
                    .filter(side -> fits(config, side))
                    .mapToObj(Integer::toString)
                    .collect(Collectors.joining(", "));
            findings.add(Diagnosis.warn(
                    fitting.isEmpty()
                            ? "another model fits this size better"
                            : "of its like, %s fit (--size)".formatted(fitting),
                    "%s",
                    sentence));
        });
    }

    private static boolean fits(ModelConfig config, int side) {
        try {
            return config.withImage(side, side).adjusted().isEmpty();
        } catch (VitrailException e) {
            return false;
        }
    }

    private static void crop(LoadedModel loaded, List<Diagnosis> findings) {
        var input = loaded.preprocessing();
        int side = side(loaded);
        if (side <= DataThresholds.SMALL_SIDE && input.cropPct() < 1) {
            findings.add(Diagnosis.warn(
                    "set crop_pct to 1 (--crop 1), or take a model made for small images",
                    "validation sees the middle %s of each image, a crop meant for photos: of %d pixels, the outer %d"
                            + " on each side are lost",
                    input.cropPct(),
                    side,
                    Math.round(side * (1 - input.cropPct()) / 2)));
        }
    }

    private static void enlargement(LoadedModel loaded, int imageSide, List<Diagnosis> findings) {
        int side = side(loaded);
        if (!loaded.pretrained() && side >= ENLARGED * imageSide) {
            findings.add(Diagnosis.warn(
                    "take a model for small images (such as vit_mini_patch4_gap_32), which is as good and far faster",
                    "the images have %d pixels a side and are enlarged to the %d that %s sees",
                    imageSide,
                    side,
                    loaded.variant().name()));
        }
        if (side <= DataThresholds.SMALL_SIDE && imageSide >= REDUCED * side) {
            findings.add(Diagnosis.warn(
                    "take a model for larger images (such as vit_tiny_patch16_224), or raise --size",
                    "the images have %d pixels a side and are reduced to the %d that %s sees",
                    imageSide,
                    side,
                    loaded.variant().name()));
        }
    }
}
