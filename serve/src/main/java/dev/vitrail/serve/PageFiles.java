package dev.vitrail.serve;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The page at {@code /} and the OpenAPI document: files of the jar, open to everybody, that refer to nothing outside.
 */
final class PageFiles {
    /** Content Security Policy of the page: a browser lets it send requests to this server, and to no other. */
    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; media-src"
                    + " blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final MediaType SCRIPT = MediaType.parse("text/javascript; charset=utf-8");

    private static final Map<String, Map.Entry<String, MediaType>> FILES = new LinkedHashMap<>();

    static {
        FILES.put("/", Map.entry("page/index.html", MediaType.HTML_UTF_8));
        FILES.put("/page/page.css", Map.entry("page/page.css", MediaType.CSS_UTF_8));
        FILES.put("/page/app.js", Map.entry("page/app.js", SCRIPT));
        FILES.put("/page/api.js", Map.entry("page/api.js", SCRIPT));
        FILES.put("/page/view.js", Map.entry("page/view.js", SCRIPT));
        FILES.put("/page/why.js", Map.entry("page/why.js", SCRIPT));
        FILES.put("/page/icon.svg", Map.entry("page/icon.svg", MediaType.SVG_UTF_8));
        FILES.put("/openapi.json", Map.entry("openapi.json", MediaType.JSON_UTF_8));
    }

    private PageFiles() {}

    static Set<String> paths() {
        return FILES.keySet();
    }

    static void addTo(ServerBuilder builder) {
        FILES.forEach((path, file) -> {
            var headers = ResponseHeaders.builder(HttpStatus.OK)
                    .contentType(file.getValue())
                    .set(HttpHeaderNames.CONTENT_SECURITY_POLICY, POLICY)
                    .set(HttpHeaderNames.X_CONTENT_TYPE_OPTIONS, "nosniff")
                    .set(HttpHeaderNames.REFERRER_POLICY, "no-referrer")
                    .set(HttpHeaderNames.CACHE_CONTROL, "no-cache")
                    .build();
            var bytes = read(file.getKey());
            builder.service(
                    Route.builder()
                            .path(path)
                            .methods(HttpMethod.GET, HttpMethod.HEAD)
                            .build(),
                    (context, request) -> HttpResponse.of(headers, HttpData.wrap(bytes)));
        });
    }

    private static byte[] read(String name) {
        try (var file = PageFiles.class.getResourceAsStream(name)) {
            return Objects.requireNonNull(file, name).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
