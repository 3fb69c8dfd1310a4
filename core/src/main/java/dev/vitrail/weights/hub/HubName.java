package dev.vitrail.weights.hub;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.FormatErrors;
import java.util.regex.Pattern;

/**
 * A model on the Hugging Face hub.
 *
 * @param repository {@code organisation/name}, or {@code name} alone for the oldest ones
 * @param revision a branch, tag or commit
 */
public record HubName(String repository, String revision) {
    /** The branch that is meant when none is named. */
    public static final String MAIN = "main";

    private static final Pattern PART = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*");
    private static final String SCHEME = "hf-hub:";
    private static final String TIMM = "timm/";

    public HubName {
        var parts = repository.split("/", -1);
        boolean sound = parts.length <= 2 && !repository.contains("..") && !repository.contains("--");
        for (String part : parts) {
            sound &= PART.matcher(part).matches();
        }
        VitrailException.require(
                sound,
                "%s is no repository of the hub; expected a name such as timm/vit_tiny_patch16_224",
                FormatErrors.printable(repository));
        requirePath(revision, "revision");
    }

    /** Returns whether {@code text} begins with {@code hf-hub:}, so that nothing else can be meant. */
    public static boolean isExplicit(String text) {
        return text.startsWith(SCHEME);
    }

    /** Returns whether {@code text} begins with {@code hf-hub:}, or looks like timm's {@code architecture.tag}. */
    public static boolean looksLike(String text) {
        return isExplicit(text) || text.matches("[a-z0-9_]+\\.[A-Za-z0-9_]+(@.*)?");
    }

    /**
     * Reads {@code hf-hub:organisation/name}, {@code organisation/name} or timm's {@code architecture.tag} (which the
     * hub has under {@code timm/}), each with {@code @revision} where another than {@code main} is meant.
     */
    public static HubName parse(String text) {
        String name = text.startsWith(SCHEME) ? text.substring(SCHEME.length()) : text;
        int at = name.indexOf('@');
        String repository = at < 0 ? name : name.substring(0, at);
        boolean tagged = !text.startsWith(SCHEME) && !repository.contains("/") && repository.contains(".");
        return new HubName(tagged ? TIMM + repository : repository, at < 0 ? MAIN : name.substring(at + 1));
    }

    /** Refuses anything that could leave the folder it is resolved in. */
    static void requirePath(String path, String what) {
        boolean sound = !path.isEmpty();
        for (String part : path.split("/", -1)) {
            sound &= part.matches("[A-Za-z0-9_.+=-][A-Za-z0-9_.+= -]*") && !part.matches("\\.+");
        }
        VitrailException.require(
                sound,
                "%s is no %s on the hub; expected plain names between slashes",
                FormatErrors.printable(path),
                what);
    }
}
