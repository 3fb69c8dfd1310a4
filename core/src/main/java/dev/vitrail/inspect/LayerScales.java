package dev.vitrail.inspect;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The trained factors of a residual branch: mean, smallest and largest {@code |γ|} over channels.
 *
 * <p>Touvron et al., <i>Going deeper with Image Transformers</i>, ICCV 2021, arXiv:2103.17239, section 2; Liu et al.,
 * <i>ConvNeXt</i>, 2022, arXiv:2201.03545.
 *
 * @param parameter its name
 * @param attention whether it scales the branch of attention; else the MLP's, or the block's only one
 * @param mean of |γ|
 * @param min of |γ|
 * @param max of |γ|
 */
public record LayerScales(String parameter, boolean attention, double mean, double min, double max) {
    private static final Pattern NAMES =
            Pattern.compile("(.*?)\\.(gamma_1|gamma_2|ls1\\.gamma|ls2\\.gamma|gamma|[01]\\.scale)");

    /** The modules whose result the factors scale, by the end of the parameter's name; the first that the model has. */
    private static final Map<String, List<String>> SCALED = Map.of(
            "gamma_1", List.of("attn"),
            "ls1.gamma", List.of("attn"),
            "0.scale", List.of("0.fn"),
            "1.scale", List.of("1.fn"),
            "gamma_2", List.of("mlp", "mlp.fc2"),
            "ls2.gamma", List.of("mlp"),
            "gamma", List.of("mlp"));

    /** The figures of all blocks, in order; none where the model does not scale its branches. */
    public static List<LayerScales> of(Model model) {
        var found = new ArrayList<LayerScales>();
        model.parameters().forEach((name, parameter) -> {
            if (NAMES.matcher(name).matches()) {
                double sum = 0, min = Double.POSITIVE_INFINITY, max = 0;
                var values = Pass.finite(name, parameter.value().toFloats());
                for (float value : values) {
                    double size = Math.abs(value);
                    sum += size;
                    min = Math.min(min, size);
                    max = Math.max(max, size);
                }
                boolean attention =
                        name.endsWith(".gamma_1") || name.endsWith(".ls1.gamma") || name.endsWith(".0.scale");
                found.add(new LayerScales(name, attention, sum / values.length, min, max));
            }
        });
        return found;
    }

    /** The block that it belongs to. */
    String block() {
        return part(1);
    }

    /** The module whose result it scales, of those that a model has. */
    String module(Set<String> modules) {
        return SCALED.getOrDefault(part(2), List.of()).stream()
                .map(name -> block() + "." + name)
                .filter(modules::contains)
                .findFirst()
                .orElseThrow(() -> VitrailException.of("what '%s' scales is no module of the model", parameter));
    }

    private String part(int group) {
        var match = NAMES.matcher(parameter);
        VitrailException.require(match.matches(), "'%s' does not name factors of a residual branch", parameter);
        return match.group(group);
    }
}
