package dev.vitrail.engine;

import java.util.List;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Scalar;

/**
 * Arithmetic on lists of tensors, each a single call of libtorch's foreach kernels: on a GPU one launch for all
 * parameters of a model.
 *
 * <p>Lists run parallel. A method named {@code …InPlace} changes the tensors of its first list; the others return new
 * ones. Nothing is recorded for a backward pass. Empty lists are allowed and do nothing.
 */
public final class Foreach {
    private static final Operator ADD_LISTS = Operator.of("aten::_foreach_add_", "List");
    private static final Operator ADD_NUMBER = Operator.of("aten::_foreach_add_", "Scalar");
    private static final Operator MULTIPLY = Operator.of("aten::_foreach_mul_", "Scalar");
    private static final Operator MULTIPLIED = Operator.of("aten::_foreach_mul", "Scalar");
    private static final Operator MULTIPLY_LISTS = Operator.of("aten::_foreach_mul_", "List");
    private static final Operator DIVIDE_LISTS = Operator.of("aten::_foreach_div_", "List");
    private static final Operator DIVIDED_EACH = Operator.of("aten::_foreach_div", "ScalarList");
    private static final Operator ADD_PRODUCTS = Operator.of("aten::_foreach_addcmul_", "Scalar");
    private static final Operator LERP = Operator.of("aten::_foreach_lerp_", "Scalar");
    private static final Operator ROOTS = Operator.of("aten::_foreach_sqrt", "");
    private static final Operator SIGN = Operator.of("aten::_foreach_sign_", "");
    private static final Operator AT_LEAST = Operator.of("aten::_foreach_clamp_min_", "Scalar");
    private static final Operator AT_MOST = Operator.of("aten::_foreach_clamp_max_", "Scalar");
    private static final Operator NORMS = Operator.of("aten::_foreach_norm", "Scalar");

    private Foreach() {}

    /** {@code x + factor · y}. */
    public static void plusInPlace(List<Tensor> x, List<Tensor> y, double factor) {
        change(ADD_LISTS, x, ADD_LISTS.tensors(1, y), number(factor));
    }

    /** {@code x + number}. */
    public static void plusInPlace(List<Tensor> x, double number) {
        change(ADD_NUMBER, x, number(number));
    }

    /** {@code x + factor · a · b}. */
    public static void plusProductInPlace(List<Tensor> x, List<Tensor> a, List<Tensor> b, double factor) {
        change(ADD_PRODUCTS, x, ADD_PRODUCTS.tensors(1, a), ADD_PRODUCTS.tensors(2, b), number(factor));
    }

    /** {@code factor · x}. */
    public static void timesInPlace(List<Tensor> x, double factor) {
        change(MULTIPLY, x, number(factor));
    }

    /** {@code factor · x}. */
    public static List<Tensor> times(List<Tensor> x, double factor) {
        return made(MULTIPLIED, x, number(factor));
    }

    /** {@code x · y}, the tensors of {@code y} broadcast. */
    public static void timesInPlace(List<Tensor> x, List<Tensor> y) {
        change(MULTIPLY_LISTS, x, MULTIPLY_LISTS.tensors(1, y));
    }

    /** {@code x / y}. */
    public static void dividedByInPlace(List<Tensor> x, List<Tensor> y) {
        change(DIVIDE_LISTS, x, DIVIDE_LISTS.tensors(1, y));
    }

    /** Each tensor divided by its own number. */
    public static List<Tensor> dividedBy(List<Tensor> x, double[] divisors) {
        return made(DIVIDED_EACH, x, DIVIDED_EACH.numbers(1, divisors));
    }

    /** {@code x + weight · (y − x)}. */
    public static void lerpInPlace(List<Tensor> x, List<Tensor> y, double weight) {
        change(LERP, x, LERP.tensors(1, y), number(weight));
    }

    /** {@code √x}. */
    public static List<Tensor> squareRoots(List<Tensor> x) {
        return made(ROOTS, x);
    }

    /** −1, 0 or 1, by the sign of each element. */
    public static void signInPlace(List<Tensor> x) {
        change(SIGN, x);
    }

    /** Elements beyond {@code low … high} become the bound that they pass. */
    public static void clampInPlace(List<Tensor> x, double low, double high) {
        change(AT_LEAST, x, number(low));
        change(AT_MOST, x, number(high));
    }

    /** The Euclidean length of each tensor: numbers without dimensions. */
    public static List<Tensor> norms(List<Tensor> x) {
        return made(NORMS, x, number(2), Operator.none());
    }

    private static IValue number(double value) {
        return new IValue(new Scalar(value));
    }

    private static void change(Operator operator, List<Tensor> x, IValue... rest) {
        if (!x.isEmpty()) {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                operator.run(arguments(operator, x, rest));
            }
        }
    }

    private static List<Tensor> made(Operator operator, List<Tensor> x, IValue... rest) {
        if (x.isEmpty()) {
            return List.of();
        }
        try (var off = Gradients.off()) {
            return Frame.all(() -> operator.callForList(arguments(operator, x, rest)));
        }
    }

    private static IValue[] arguments(Operator operator, List<Tensor> x, IValue... rest) {
        var arguments = new IValue[1 + rest.length];
        arguments[0] = operator.tensors(0, x);
        System.arraycopy(rest, 0, arguments, 1, rest.length);
        return arguments;
    }
}
