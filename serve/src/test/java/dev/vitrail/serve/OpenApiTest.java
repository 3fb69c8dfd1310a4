package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.util.Locale;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The OpenAPI document is of this server: its paths, methods and answers, and no reference leads nowhere. */
class OpenApiTest {
    @Test
    void everyPathOfTheServerIsDescribedAndEveryDescribedOneIsThere() {
        try (var server = TestServer.ready(ServerOptions.DEFAULT)) {
            var document = TestServer.json(server.get("/openapi.json"));
            assertThat(document.path("openapi").asText()).startsWith("3.0.");
            var described = new TreeSet<String>();
            document.path("paths")
                    .fields()
                    .forEachRemaining(path -> path.getValue().fieldNames().forEachRemaining(method -> {
                        described.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey());
                        assertAnswered(
                                server, path.getKey(), method, path.getValue().path(method));
                    }));
            assertThat(described).containsAll(server.server.restRoutes());
            var served = new TreeSet<>(server.server.restRoutes());
            assertThat(served).containsAll(described);
            assertResolved(document, document);
        }
    }

    private static void assertAnswered(TestServer server, String path, String method, JsonNode operation) {
        var concrete = path.replace("{model}", "small").replace("{version}", "1");
        var response = server.send(HttpRequest.newBuilder(server.uri(concrete))
                .method(method.toUpperCase(Locale.ROOT), HttpRequest.BodyPublishers.noBody())
                .build());
        assertThat(operation.path("responses").has(Integer.toString(response.statusCode())))
                .as("%s %s answers %d, which is described", method, path, response.statusCode())
                .isTrue();
    }

    private static void assertResolved(JsonNode document, JsonNode node) {
        var reference = node.path("$ref");
        if (reference.isTextual()) {
            assertThat(document.at(reference.asText().substring(1)).isMissingNode())
                    .as(reference.asText())
                    .isFalse();
        }
        node.forEach(child -> assertResolved(document, child));
    }
}
