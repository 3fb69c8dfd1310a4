package dev.vitrail.parity;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.GlobalResponseNorm;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.StdConv2d;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The functions that layers are made of. */
final class PrimitiveParity {
    private static final double LIMIT = 5e-6;
    private static final Pattern LAYER_NORM = Pattern.compile("ln/y_(.+)");
    private static final Pattern GROUP_NORM = Pattern.compile("gn/y_groups(\\d+)_(.+)");
    private static final Pattern UNFOLD = Pattern.compile("unfold/y_k(\\d+)_s(\\d+)_p(\\d+)");
    private static final Pattern RESIZE = Pattern.compile("interp/(bilinear|bicubic)_aa([01])_(\\d+)x(\\d+)");
    private static final Pattern POOL = Pattern.compile("pool/(max|avg)_k(\\d+)_s(\\d+)_p(\\d+).*");
    private static final Pattern DEPTHWISE = Pattern.compile("dwconv7/y_pad(\\d+)");

    private final GoldenCase golden;
    private final Outcome.Collector outcome;

    private PrimitiveParity(GoldenCase golden, Outcome.Collector outcome) {
        this.golden = golden;
        this.outcome = outcome;
    }

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var primitives = new PrimitiveParity(golden, outcome);
        for (var name : golden.tensors().names()) {
            if (isInput(name)) {
                continue;
            }
            primitives.compare(name);
        }
    }

    private static boolean isInput(String name) {
        return name.matches(".*/[xwb]");
    }

    private void compare(String name) {
        if (name.startsWith("act/")) {
            activation(name);
            return;
        }
        var found = result(name);
        if (found == null) {
            outcome.fail("the primitive '%s' is not known here".formatted(name));
            return;
        }
        check(name, found);
    }

    private void check(String name, Tensor found) {
        var difference = Difference.of(found.toFloats(), golden.floats(name));
        outcome.check("largest_error", name, difference, LIMIT, LIMIT);
    }

    private void activation(String name) {
        var function = name.substring("act/".length()).replaceFirst("_grad$", "");
        UnaryOperator<Tensor> operator =
                switch (function) {
                    case "gelu_erf" -> Activation.GELU::applyInPlace;
                    case "gelu_tanh" -> Activation.GELU_TANH::applyInPlace;
                    case "quick_gelu" -> Activation.QUICK_GELU::applyInPlace;
                    case "silu" -> Activation.SILU::applyInPlace;
                    case "sigmoid" -> Functional::sigmoid;
                    case "softplus" -> x -> Functional.logSigmoid(x.negated()).negated();
                    default -> throw VitrailException.of("the function '%s' is not known here", function);
                };
        try (var on = Gradients.on()) {
            var x = golden.tensor("act/x").requireGradient(true);
            var y = operator.apply(x);
            if (name.endsWith("_grad")) {
                y.sum().backward();
                check(name, x.gradient());
                return;
            }
            check(name, y);
        }
        try (var off = Gradients.off()) {
            check(name, operator.apply(golden.tensor("act/x")));
        }
    }

    private @Nullable Tensor result(String name) {
        var layerNorm = LAYER_NORM.matcher(name);
        if (layerNorm.matches()) {
            return Functional.layerNorm(in("ln/x"), in("ln/w"), in("ln/b"), Double.parseDouble(layerNorm.group(1)));
        }
        var groupNorm = GROUP_NORM.matcher(name);
        if (groupNorm.matches()) {
            return Functional.groupNorm(
                    in("gn/x"),
                    Long.parseLong(groupNorm.group(1)),
                    in("gn/w"),
                    in("gn/b"),
                    Double.parseDouble(groupNorm.group(2)));
        }
        var unfold = UNFOLD.matcher(name);
        if (unfold.matches()) {
            return Functional.unfold(
                    in("unfold/x"),
                    Long.parseLong(unfold.group(1)),
                    Long.parseLong(unfold.group(2)),
                    Long.parseLong(unfold.group(3)));
        }
        var resize = RESIZE.matcher(name);
        if (resize.matches()) {
            return Functional.resize(
                    in("interp/x"),
                    Long.parseLong(resize.group(3)),
                    Long.parseLong(resize.group(4)),
                    resize.group(1).equals("bicubic") ? Functional.Resize.BICUBIC : Functional.Resize.BILINEAR,
                    resize.group(2).equals("1"));
        }
        var pool = POOL.matcher(name);
        if (pool.matches()) {
            return pooled(
                    pool.group(1),
                    Long.parseLong(pool.group(2)),
                    Long.parseLong(pool.group(3)),
                    Long.parseLong(pool.group(4)));
        }
        var depthwise = DEPTHWISE.matcher(name);
        if (depthwise.matches()) {
            long padding = Long.parseLong(depthwise.group(1));
            return Functional.conv2d(
                    in("dwconv7/x"),
                    in("dwconv7/w"),
                    null,
                    new long[] {1, 1},
                    new long[] {padding, padding},
                    in("dwconv7/x").size(1));
        }
        return switch (name) {
            case "softmax/y" -> Functional.softmax(in("softmax/x"), -1);
            case "grn/y_nchw_w_b_of_gn" -> responseNorm();
            case "conv_std/y" -> standardised("conv_std", false);
            case "conv_std_same/y" -> standardised("conv_std_same", true);
            default -> null;
        };
    }

    private Tensor pooled(String kind, long kernel, long stride, long padding) {
        return kind.equals("max")
                ? Functional.maxPool2d(in("pool/x"), kernel, stride, padding)
                : Functional.averagePool2d(in("pool/x"), kernel, stride, padding, false, true);
    }

    private Tensor responseNorm() {
        var x = in("gn/x").permute(0, 2, 3, 1).contiguous();
        try (var norm = new GlobalResponseNorm(x.size(-1));
                var off = Gradients.off()) {
            assign(norm, "weight", in("gn/w"));
            assign(norm, "bias", in("gn/b"));
            return norm.apply(x).permute(0, 3, 1, 2);
        }
    }

    /** The original's cases have stride 2, and padding 1 where it is not "same". */
    private Tensor standardised(String name, boolean same) {
        var weight = in(name + "/w");
        var shape = Conv2d.Shape.square(
                        weight.size(1), weight.size(0), weight.size(2), 2, same ? 0 : weight.size(2) / 2)
                .withoutBias();
        try (var convolution = new StdConv2d(shape, same, same ? 1e-8 : 1e-6, Init.zeros());
                var off = Gradients.off()) {
            assign(convolution, "weight", weight);
            return convolution.apply(in(name + "/x"));
        }
    }

    private static void assign(Module module, String name, Tensor value) {
        var parameter = module.parameters().get(name);
        if (parameter == null) {
            throw new IllegalStateException("there is no parameter " + name);
        }
        parameter.assign(value);
    }

    private Tensor in(String name) {
        return golden.tensor(name);
    }
}
