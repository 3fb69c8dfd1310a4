package dev.vitrail.weights.hub;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class HubTest {
    private static final String REPOSITORY = "org/model";
    private static final String WEIGHTS = "model.safetensors";

    @TempDir
    Path home = Path.of("");

    private final FakeHub server = new FakeHub();
    private final byte[] content = new byte[300_000];

    @BeforeEach
    void aRepository() {
        new Random(1).nextBytes(content);
        server.large.put(WEIGHTS, content);
        server.small.put("config.json", "{\"architecture\": \"x\"}".getBytes(StandardCharsets.UTF_8));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void keepsTheLayoutThatAllClientsShare() throws IOException {
        var weights = fetch(WEIGHTS);
        var config = fetch("config.json");
        var repository = cache().resolve("models--org--model");
        assertThat(weights)
                .isEqualTo(
                        repository.resolve("snapshots").resolve(FakeHub.COMMIT).resolve(WEIGHTS));
        assertThat(weights).hasBinaryContent(content);
        assertThat(Files.readSymbolicLink(weights)).isEqualTo(Path.of("../../blobs", FakeHub.sha256(content)));
        assertThat(Files.readSymbolicLink(config))
                .isEqualTo(Path.of("../../blobs", FakeHub.gitSha1(server.small.getOrDefault("config.json", content))));
        assertThat(repository.resolve("refs/main")).hasContent(FakeHub.COMMIT);
        assertNothingIncomplete();
    }

    @Test
    void fetchesOnce() {
        fetch(WEIGHTS);
        fetch(WEIGHTS);
        assertThat(server.count("GET store")).isEqualTo(1);
        long asked = server.requests.size();
        hub(true, Optional.empty()).fetch(REPOSITORY, FakeHub.COMMIT, WEIGHTS);
        hub(false, Optional.empty()).fetch(REPOSITORY, FakeHub.COMMIT, WEIGHTS);
        hub(true, Optional.empty()).fetch(REPOSITORY, "main", WEIGHTS);
        assertThat(server.requests).hasSize((int) asked);
    }

    @Test
    void filesInFoldersAndOddRevisions() throws IOException {
        server.small.put("a/b c.txt", new byte[] {1});
        var path = hub(false, Optional.empty()).fetch(REPOSITORY, "refs/pr/1", "a/b c.txt");
        assertThat(path).hasBinaryContent(new byte[] {1}).endsWithRaw(Path.of("a", "b c.txt"));
        assertThat(Files.readSymbolicLink(path).toString()).startsWith("../../../blobs/");
        assertThat(cache().resolve("models--org--model/refs/refs/pr/1")).hasContent(FakeHub.COMMIT);
    }

    @Test
    void theTokenGoesToTheHubAndNowhereElse() {
        server.neededToken = Optional.of("hf_secret");
        hub(false, Optional.of("hf_secret")).fetch(REPOSITORY, "main", WEIGHTS);
        for (var request : server.requests) {
            assertThat(request.authorization().isPresent())
                    .isEqualTo(request.what().contains(" hub "));
        }
        assertThat(server.count("GET store")).isEqualTo(1);
        assertThat(hub(false, Optional.of("hf_secret")).settings().toString()).doesNotContain("hf_secret");
    }

    @Test
    void aBrokenConnectionIsContinued() {
        server.breakAfter = 40_000; // more breaks than there are attempts in a row
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
        // What the server sends last before it breaks off may be lost, so only the count is certain.
        var ranges = server.requests.stream()
                .filter(request -> request.what().startsWith("GET store"))
                .flatMap(request -> request.range().stream())
                .toList();
        assertThat(ranges).hasSizeGreaterThanOrEqualTo(7).doesNotContain("bytes=0-");
        assertNothingIncomplete();
    }

    @Test
    void whatAnEarlierProcessLeftIsContinued() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), java.util.Arrays.copyOf(content, 1234));
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
        assertThat(server.requests.stream().flatMap(request -> request.range().stream()))
                .contains("bytes=1234-");
    }

    @Test
    void aServerThatCannotContinueStartsAgain() throws IOException {
        server.ignoreRange = true;
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[1234]);
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
    }

    @ParameterizedTest
    @ValueSource(ints = {1234, 300_000, 300_001})
    void whatAnEarlierProcessLeftWrongIsThrownAway(int length) throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[length]);
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
        assertNothingIncomplete();
    }

    @Test
    void aWrongChecksumIsRefusedAndRemoved() {
        server.wrongContent = true;
        assertRefused(() -> fetch(WEIGHTS), "checksum");
        assertRefused(() -> fetch("config.json"), "checksum");
        assertThat(server.count("GET store")).isEqualTo(2);
        assertThat(cache().resolve("models--org--model/snapshots")).doesNotExist();
        assertNothingIncomplete();
    }

    @Test
    void aLengthThatIsALieIsRefused() {
        server.extraBytes = 10;
        assertRefused(() -> fetch(WEIGHTS), "announced 300000 bytes and sends more");
        server.extraBytes = 0;
        server.missingBytes = 10;
        assertRefused(() -> fetch(WEIGHTS), "sent 299990 of 300000 bytes");
        server.missingBytes = 0;
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
    }

    @Test
    void aSilentServerIsNotWaitedForForEver() {
        server.breakAfter = 0;
        server.silent = true;
        var impatient =
                new Hub(settings(false, Optional.empty()), List.of(Duration.ofMillis(1)), Duration.ofMillis(300));
        assertRefused(() -> impatient.fetch(REPOSITORY, "main", WEIGHTS), "could not fetch");
        assertThat(partial()).exists();
        server.silent = false;
        server.breakAfter = Integer.MAX_VALUE;
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
    }

    @Test
    void aServerInTroubleIsAskedAgain() {
        server.failuresBeforeSuccess.set(3);
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
        server.failuresBeforeSuccess.set(1000);
        assertRefused(() -> fetch("config.json"), "status 503");
        assertThat(server.failuresBeforeSuccess).hasValue(1000 - 5);
    }

    @Test
    void withoutANetworkTheCacheServes() {
        var path = fetch(WEIGHTS);
        server.failuresBeforeSuccess.set(1000);
        assertThat(fetch(WEIGHTS)).isEqualTo(path);
        server.close();
        assertThat(fetch(WEIGHTS)).isEqualTo(path);
        assertRefused(() -> fetch("config.json"), "check the network");
        assertRefused(() -> hub(true, Optional.empty()).fetch(REPOSITORY, "main", "config.json"), "HF_HUB_OFFLINE");
    }

    @Test
    void refusalsSayWhatToDo() {
        assertRefused(() -> fetch("missing.bin"), "has no file missing.bin");
        server.neededToken = Optional.of("hf_secret");
        assertRefused(() -> fetch(WEIGHTS), "no token was sent");
        assertRefused(() -> hub(false, Optional.of("hf_wrong")).fetch(REPOSITORY, "main", WEIGHTS), "was refused");
        server.neededToken = Optional.empty();
        server.errorCode = "GatedRepo";
        assertRefused(() -> fetch(WEIGHTS), "accept its terms");
        server.errorCode = "RepoNotFound";
        assertRefused(() -> fetch(WEIGHTS), "does not exist or is private");
        server.errorCode = "RevisionNotFound";
        assertRefused(() -> fetch(WEIGHTS), "no revision main");
        assertThat(server.count("HEAD")).isEqualTo(6);
    }

    @Test
    void aRenamedRepositoryIsFollowed() {
        server.moved = true;
        assertThat(fetch(WEIGHTS)).hasBinaryContent(content);
        assertThat(server.count("HEAD hub /new/model")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/passwd", "ftp://127.0.0.1/x", "//", "http:", "jar:x", " not an address"})
    void onlyTheWebIsFollowed(String location) {
        server.redirectTo = location;
        assertRefused(() -> fetch(WEIGHTS), "could not fetch");
    }

    @Test
    void manyAtOnceFetchOnce() throws Exception {
        var threads = Executors.newFixedThreadPool(8);
        try {
            Callable<Path> task = () -> fetch(WEIGHTS);
            for (var result : threads.invokeAll(Collections.nCopies(8, task))) {
                assertThat(result.get()).hasBinaryContent(content);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(server.count("GET store")).isEqualTo(1);
    }

    @Test
    void aModelComesWithItsConfigAndShards() {
        server.large.remove(WEIGHTS);
        server.small.put(
                "model.safetensors.index.json",
                "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}".getBytes(StandardCharsets.UTF_8));
        server.large.put("1.safetensors", content);
        server.large.put("2.safetensors", new byte[] {1});
        var folder = hub(false, Optional.empty()).fetchModel(HubName.parse("hf-hub:org/model"));
        assertThat(folder.resolve("config.json")).exists();
        assertThat(folder.resolve("1.safetensors")).hasBinaryContent(content);
        assertThat(folder.resolve("2.safetensors")).hasBinaryContent(new byte[] {1});
        server.small.remove("model.safetensors.index.json");
        assertRefused(
                () -> new Hub(settings(false, Optional.empty(), home.resolve("other")), waits(), Duration.ofSeconds(5))
                        .fetchModel(HubName.parse("org/model")),
                "neither");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {WEIGHTS, "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json"})
    void aCachedModelServesInAnyFormWhereTheHubSaysNothing(String form) {
        server.large.remove(WEIGHTS);
        if (form.endsWith("json")) {
            server.large.put("1.part", content);
            server.small.put(form, "{\"weight_map\":{\"a\":\"1.part\"}}".getBytes(StandardCharsets.UTF_8));
        } else {
            server.large.put(form, content);
        }
        var name = HubName.parse("hf-hub:org/model");
        var folder = hub(false, Optional.empty()).fetchModel(name);
        int asked = server.requests.size();
        assertThat(hub(true, Optional.empty()).fetchModel(name)).isEqualTo(folder);
        var commit = new HubName("org/model", FakeHub.COMMIT);
        assertThat(hub(false, Optional.empty()).fetchModel(commit)).isEqualTo(folder);
        assertThat(server.requests).hasSize(asked);
        for (String code : List.of("GatedRepo", "RepoNotFound", "RevisionNotFound")) {
            server.errorCode = code;
            assertThat(hub(false, Optional.empty()).fetchModel(name)).isEqualTo(folder);
        }
        server.errorCode = "";
        server.signIn = true;
        assertThat(hub(false, Optional.empty()).fetchModel(name)).isEqualTo(folder);
        server.signIn = false;
        server.neededToken = Optional.of("hf_secret");
        assertThat(hub(false, Optional.empty()).fetchModel(name)).isEqualTo(folder);
        assertThat(server.requests).hasSize(asked + 5); // the first refusal is enough
        server.close();
        assertThat(hub(false, Optional.empty()).fetchModel(name)).isEqualTo(folder);
    }

    @Test
    void aModelThatIsNotWholeInTheCacheIsRefusedWithWhatIsMissing() {
        fetch("config.json");
        assertRefused(
                () -> hub(true, Optional.empty()).fetchModel(HubName.parse("hf-hub:org/model")),
                "model.safetensors of org/model is not in the cache");
        server.signIn = true;
        assertRefused(
                () -> hub(false, Optional.empty()).fetchModel(HubName.parse("hf-hub:org/model")), "wants a sign-in");
    }

    @Test
    void aCachedFileServesWhereTheHubRefusesIt() {
        var path = fetch(WEIGHTS);
        server.signIn = true;
        assertThat(fetch(WEIGHTS)).isEqualTo(path);
        assertRefused(() -> fetch("config.json"), "does not answer as a Hugging Face hub does");
        server.signIn = false;
        server.neededToken = Optional.of("hf_secret");
        assertThat(fetch(WEIGHTS)).isEqualTo(path);
        assertRefused(() -> fetch("config.json"), "does not exist or is private");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "/etc/passwd", "a/../b", "", "a//b", "a\\b", ".", "..", "a\nb", "x?y", "x#y"})
    void namesThatLeaveTheirFolderAreRefused(String name) {
        assertRefused(() -> hub(false, Optional.empty()).fetch(REPOSITORY, "main", name), "on the hub");
        assertRefused(() -> hub(false, Optional.empty()).fetch(REPOSITORY, name, WEIGHTS), "on the hub");
        assertRefused(() -> hub(false, Optional.empty()).fetch(name, "main", WEIGHTS), "of the hub");
        assertThat(server.requests).isEmpty();
    }

    @Test
    void readsNamesAsTimmWritesThem() {
        assertThat(HubName.parse("vit_tiny_patch16_224.augreg_in21k_ft_in1k"))
                .isEqualTo(new HubName("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k", "main"));
        assertThat(HubName.parse("hf-hub:org/model@v1.0")).isEqualTo(new HubName("org/model", "v1.0"));
        assertThat(HubName.parse("org/model")).isEqualTo(new HubName("org/model", "main"));
        assertThat(HubName.parse("hf-hub:gpt2")).isEqualTo(new HubName("gpt2", "main"));
        assertThat(HubName.looksLike("hf-hub:org/model")).isTrue();
        assertThat(HubName.looksLike("vit_tiny_patch16_224.augreg_in21k_ft_in1k"))
                .isTrue();
        assertThat(HubName.looksLike("vit_tiny_patch16_224")).isFalse();
        assertThat(HubName.looksLike("./folder")).isFalse();
        assertRefused(() -> HubName.parse("hf-hub:a/b/c"), "a/b/c");
    }

    @Test
    void readsTheEnvironmentAsTheOfficialClientDoes() throws IOException {
        var none = HubSettings.of(Map.of(), home);
        assertThat(none.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(none.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(none.token()).isEmpty();
        assertThat(none.offline()).isFalse();
        assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x"), home).cache())
                .isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x", "HF_HOME", "~/h"), home)
                        .cache())
                .isEqualTo(home.resolve("h/hub"));
        assertThat(HubSettings.of(Map.of("HF_HOME", "/h", "HF_HUB_CACHE", "/c"), home)
                        .cache())
                .isEqualTo(Path.of("/c"));
        assertThat(HubSettings.of(Map.of("HF_HUB_OFFLINE", "true"), home).offline())
                .isTrue();
        assertThat(HubSettings.of(Map.of("HF_HUB_OFFLINE", "0"), home).offline())
                .isFalse();
        assertThat(HubSettings.of(Map.of("HF_ENDPOINT", "https://mirror.example/"), home)
                        .endpoint())
                .isEqualTo(URI.create("https://mirror.example"));
        Files.writeString(home.resolve("token"), " hf_file\n");
        assertThat(HubSettings.of(Map.of("HF_HOME", home.toString()), home).token())
                .contains("hf_file");
        assertThat(HubSettings.of(Map.of("HF_HOME", home.toString(), "HF_TOKEN", "hf_env"), home)
                        .token())
                .contains("hf_env");
        assertRefused(() -> HubSettings.of(Map.of("HF_ENDPOINT", "file:///x"), home), "HF_ENDPOINT");
        assertRefused(() -> HubSettings.of(Map.of("HF_ENDPOINT", "::"), home), "HF_ENDPOINT");
        assertRefused(() -> HubSettings.of(Map.of("HF_TOKEN", "a\r\nb"), home), "token");
    }

    private Path fetch(String file) {
        return hub(false, Optional.empty()).fetch(REPOSITORY, "main", file);
    }

    private Hub hub(boolean offline, Optional<String> token) {
        return new Hub(settings(offline, token), waits(), Duration.ofSeconds(5));
    }

    private static List<Duration> waits() {
        return Collections.nCopies(4, Duration.ofMillis(5));
    }

    private HubSettings settings(boolean offline, Optional<String> token) {
        return settings(offline, token, cache());
    }

    private HubSettings settings(boolean offline, Optional<String> token, Path cache) {
        return new HubSettings(server.endpoint(), cache, token, offline);
    }

    private Path cache() {
        return home.resolve("hub");
    }

    private Path partial() {
        return cache().resolve("models--org--model/blobs/" + FakeHub.sha256(content) + ".incomplete");
    }

    private void assertNothingIncomplete() {
        assertThat(cache().resolve("models--org--model/blobs"))
                .isDirectoryNotContaining(path -> path.toString().endsWith(".incomplete"));
    }
}
