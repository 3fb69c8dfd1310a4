package dev.vitrail.weights.hub;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Settings of the hub: its address, the cache of its files, and the token of the user.
 *
 * @param endpoint the hub's address, without a slash at the end
 * @param cache the folder that holds {@code models--organisation--name}
 * @param token proves who asks; sent to the endpoint's own origin and nowhere else
 * @param offline whether to use the cache alone
 */
public record HubSettings(URI endpoint, Path cache, Optional<String> token, boolean offline) {
    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");

    public HubSettings {
        boolean web = endpoint.getHost() != null
                && ("https".equalsIgnoreCase(endpoint.getScheme()) || "http".equalsIgnoreCase(endpoint.getScheme()));
        VitrailException.require(web, "HF_ENDPOINT is %s; expected an http or https address", endpoint);
        VitrailException.require(
                token.isEmpty() || token.get().matches("[!-~]+"),
                "the hub's token holds characters that no token has; set HF_TOKEN to a token from your account's"
                        + " settings");
    }

    /**
     * Settings as the official client reads them from the environment: {@code HF_ENDPOINT}, {@code HF_HUB_CACHE},
     * {@code HF_HOME}, {@code XDG_CACHE_HOME}, {@code HF_TOKEN}, {@code HF_TOKEN_PATH}, {@code HF_HUB_OFFLINE} and
     * their older names.
     *
     * @param home the user's home folder
     */
    public static HubSettings of(Map<String, String> environment, Path home) {
        Path caches = first(environment, "XDG_CACHE_HOME")
                .map(path -> expand(path, home))
                .orElse(home.resolve(".cache"));
        Path hubHome =
                first(environment, "HF_HOME").map(path -> expand(path, home)).orElse(caches.resolve("huggingface"));
        Path cache = first(environment, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
                .map(path -> expand(path, home))
                .orElse(hubHome.resolve("hub"));
        Path tokenFile = first(environment, "HF_TOKEN_PATH")
                .map(path -> expand(path, home))
                .orElse(hubHome.resolve("token"));
        boolean offline = first(environment, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
                .map(value -> TRUE.contains(value.toUpperCase(Locale.ROOT)))
                .orElse(false);
        return new HubSettings(
                address(first(environment, "HF_ENDPOINT").orElse(DEFAULT_ENDPOINT)),
                cache,
                first(environment, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN").or(() -> token(tokenFile)),
                offline);
    }

    private static Optional<String> token(Path file) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(file).strip()).filter(text -> !text.isEmpty());
        } catch (IOException e) {
            throw new VitrailException(
                    "could not read the hub's token in %s: make it readable, or set HF_TOKEN".formatted(file), e);
        }
    }

    private static URI address(String text) {
        try {
            return URI.create(text.replaceFirst("/+$", ""));
        } catch (IllegalArgumentException e) {
            throw new VitrailException("HF_ENDPOINT is %s; expected an http or https address".formatted(text), e);
        }
    }

    private static Path expand(String path, Path home) {
        return path.equals("~") ? home : path.startsWith("~/") ? home.resolve(path.substring(2)) : Path.of(path);
    }

    private static Optional<String> first(Map<String, String> environment, String... names) {
        return List.of(names).stream()
                .map(name -> environment.getOrDefault(name, "").strip())
                .filter(value -> !value.isEmpty())
                .findFirst();
    }

    /** Text without the token, which has no business in a log. */
    @Override
    public String toString() {
        return "HubSettings[endpoint=%s, cache=%s, token=%s, offline=%s]"
                .formatted(endpoint, cache, token.isPresent() ? "set" : "none", offline);
    }
}
