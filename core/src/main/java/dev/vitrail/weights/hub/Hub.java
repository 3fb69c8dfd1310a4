package dev.vitrail.weights.hub;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.weights.JsonFile;
import dev.vitrail.weights.ShardedIndex;
import dev.vitrail.weights.TransformersConfig;
import dev.vitrail.weights.TransformersPreparation;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fetches files from the Hugging Face hub into the cache that all its clients share, once.
 *
 * <p>A file is checked against the hub's own checksum before it gets its name. A broken download continues where it
 * stopped, in this process or the next. Without an answer of the hub, what the cache holds is used.
 *
 * <p>Safe for use by several threads and processes.
 */
public final class Hub {
    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    /** Waits between attempts: five attempts over a quarter of a minute. */
    private static final List<Duration> WAITS =
            List.of(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(8));

    private static final String CONFIG = "config.json";

    /** Each in one file, or in shards with an index. */
    private static final List<String> WEIGHTS = List.of("model.safetensors", "pytorch_model.bin");

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** The longest that a server's wish to be left alone is waited for. */
    private static final Duration LONGEST_REST = Duration.ofMinutes(2);

    private final HubSettings settings;
    private final List<Duration> waits;
    private final HubTransfer transfer;

    /** A hub with these settings. */
    public Hub(HubSettings settings) {
        this(settings, WAITS, PATIENCE);
    }

    /** A hub with other waits, for tests, which cannot wait that long. */
    Hub(HubSettings settings, List<Duration> waits, Duration patience) {
        this.settings = settings;
        this.waits = List.copyOf(waits);
        this.transfer = new HubTransfer(settings, patience);
    }

    /** The hub, cache and token that the environment names, as for the official client. */
    public static Hub fromEnvironment() {
        return new Hub(HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home", "."))));
    }

    public HubSettings settings() {
        return settings;
    }

    /**
     * The path of a file of a repository, fetched if the cache does not have that version.
     *
     * @param repository such as {@code timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k}
     * @param revision a branch, tag or commit; {@link HubName#MAIN} usually
     * @param file its path in the repository, such as {@code config.json}
     * @throws VitrailException if it does not exist, is not open to whoever asks, or cannot be fetched whole; not where
     *     the cache has it as it was and the hub says nothing newer
     */
    public Path fetch(String repository, String revision, String file) {
        var name = new HubName(repository, revision);
        return orCached(name, file, cached(name, file), patience -> required(name, file, patience));
    }

    /**
     * The folder of a model's snapshot, with {@code config.json} and its weights in whatever form the repository has
     * them: safetensors first, in one file or several, else PyTorch's. Where the hub says nothing, a snapshot that is
     * whole in the cache serves.
     */
    public Path fetchModel(HubName name) {
        return orCached(name, "the model", cachedModel(name), patience -> requiredModel(name, patience));
    }

    /** Asks the hub, with these waits between attempts. */
    private interface Question {
        Path ask(List<Duration> patience) throws NoAnswer;
    }

    /** The hub, or the way to it, does not say what it has. */
    private static final class NoAnswer extends Exception {
        private static final long serialVersionUID = 1;

        private final VitrailException sentence;

        NoAnswer(VitrailException sentence) {
            super(sentence);
            this.sentence = sentence;
        }
    }

    /** Answer of the hub, or the cached file where there is no answer. */
    private Path orCached(HubName name, String what, Optional<Path> cached, Question question) {
        if (cached.isPresent() && (settings.offline() || HubCache.isCommit(name.revision()))) {
            return cached.get();
        }
        try {
            // With something to fall back on there is no sense in waiting for a network that is not there.
            return question.ask(cached.isPresent() ? List.of() : waits);
        } catch (NoAnswer e) {
            if (cached.isEmpty()) {
                throw e.sentence;
            }
            LOG.warn("using {} of {} from the cache: {}", what, name.repository(), e.sentence.getMessage());
            return cached.get();
        }
    }

    private Path required(HubName name, String file, List<Duration> patience) throws NoAnswer {
        return find(name, file, patience)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no file %s at revision %s: look up its files at %s/%s",
                        name.repository(), file, name.revision(), settings.endpoint(), name.repository()));
    }

    private Path requiredModel(HubName name, List<Duration> patience) throws NoAnswer {
        if (TransformersConfig.is(JsonFile.read(required(name, CONFIG, patience)))) {
            find(name, TransformersPreparation.FILE, patience);
        }
        for (String weights : WEIGHTS) {
            var whole = find(name, weights, patience);
            if (whole.isPresent()) {
                return folder(whole.get());
            }
            var index = find(name, weights + ShardedIndex.SUFFIX, patience);
            if (index.isPresent()) {
                for (String shard : ShardedIndex.read(index.get()).files()) {
                    required(name, shard, patience);
                }
                return folder(index.get());
            }
        }
        throw VitrailException.of(
                "%s holds neither %s: it is no model that can be loaded",
                name.repository(), String.join(" nor ", WEIGHTS));
    }

    /** The folder of a model that lies in the cache whole, in any of its forms. */
    private Optional<Path> cachedModel(HubName name) {
        if (cached(name, CONFIG).isEmpty()) {
            return Optional.empty();
        }
        for (String weights : WEIGHTS) {
            var whole = cached(name, weights);
            if (whole.isPresent()) {
                return whole.map(Hub::folder);
            }
            var index = cached(name, weights + ShardedIndex.SUFFIX);
            if (index.isPresent()
                    && ShardedIndex.read(index.get()).files().stream()
                            .allMatch(shard -> cached(name, shard).isPresent())) {
                return index.map(Hub::folder);
            }
        }
        return Optional.empty();
    }

    private Optional<Path> cached(HubName name, String file) {
        HubName.requirePath(file, "file");
        return new HubCache(settings.cache(), name.repository()).findByRevision(name.revision(), file);
    }

    private static Path folder(Path file) {
        var parent = file.getParent();
        return parent == null ? file : parent;
    }

    /** The file, or nothing where the repository exists and does not hold it. */
    private Optional<Path> find(HubName name, String file, List<Duration> patience) throws NoAnswer {
        var cached = cached(name, file);
        if (cached.isPresent() && (settings.offline() || HubCache.isCommit(name.revision()))) {
            return cached;
        }
        if (settings.offline()) {
            throw new NoAnswer(VitrailException.of(
                    "%s of %s is not in the cache %s and HF_HUB_OFFLINE forbids fetching it: fetch it once with a"
                            + " network",
                    file, name.repository(), settings.cache()));
        }
        HubTransfer.Answer answer;
        try {
            answer = retrying(patience, () -> transfer.facts(address(name, file)));
        } catch (HubTransfer.Broken e) {
            throw new NoAnswer(unreachable(name, file, e));
        }
        if (answer.refusal().isPresent()) {
            return refused(name, file, answer.refusal().get());
        }
        var cache = new HubCache(settings.cache(), name.repository());
        return answer.facts().map(facts -> obtain(cache, name, file, facts));
    }

    private Path obtain(HubCache cache, HubName name, String file, HubTransfer.Facts facts) {
        var path = cache.find(facts.commit(), file)
                .orElseGet(() -> cache.exclusively(facts.etag(), () -> {
                    var blob = cache.blob(facts.etag());
                    if (!Files.isRegularFile(blob)) {
                        download(name, file, facts, blob);
                    }
                    return cache.link(facts.commit(), file, blob);
                }));
        cache.remember(name.revision(), facts.commit());
        return path;
    }

    private void download(HubName name, String file, HubTransfer.Facts facts, Path blob) {
        var partial = blob.resolveSibling(facts.etag() + ".incomplete");
        try {
            VitrailException.require(
                    facts.size().isPresent() || isChecksum(facts.etag()),
                    "the hub announces neither a length nor a checksum of %s of %s, so nobody could tell whether it"
                            + " arrived whole: fetch the file by other means and name it with --arch",
                    file,
                    name.repository());
            Files.createDirectories(folder(blob));
            long needed = facts.size().orElse(0) - HubTransfer.length(partial);
            long free = Files.getFileStore(folder(blob)).getUsableSpace();
            VitrailException.require(
                    needed <= free,
                    "%s of %s needs %d MiB more, but the cache %s has room for %d: free some, or set HF_HUB_CACHE",
                    file,
                    name.repository(),
                    needed >> 20,
                    settings.cache(),
                    free >> 20);
            LOG.info(
                    "fetching {} of {} ({} bytes)",
                    file,
                    name.repository(),
                    facts.size().orElse(-1));
            // The commit rather than the branch: a branch may move between two attempts.
            var address = address(new HubName(name.repository(), facts.commit()), file);
            if (!downloaded(address, partial, facts)) {
                // What an earlier process left behind may be at fault: once more from the beginning.
                HubTransfer.delete(partial);
                if (!downloaded(address, partial, facts)) {
                    HubTransfer.delete(partial);
                    throw VitrailException.of(
                            "%s of %s does not match its checksum %s; what arrived was removed, so try again, or over"
                                    + " another network",
                            file, name.repository(), facts.etag());
                }
            }
            AtomicFile.moveInto(partial, blob);
            AtomicFile.forceFolder(folder(blob));
        } catch (HubTransfer.Broken e) {
            throw unreachable(name, file, e);
        } catch (IOException e) {
            throw new VitrailException(
                    "could not keep %s of %s in %s: %s".formatted(file, name.repository(), blob, e.getMessage()), e);
        }
    }

    /** Downloads a file; returns whether all of it arrived and matches its checksum. */
    private boolean downloaded(URI address, Path partial, HubTransfer.Facts facts)
            throws HubTransfer.Broken, IOException {
        boolean complete = false;
        while (!complete) {
            long before = HubTransfer.length(partial);
            long start = System.nanoTime();
            try {
                retrying(waits, () -> {
                    transfer.download(address, partial, facts.size());
                    return partial;
                });
                complete = true;
            } catch (HubTransfer.Broken e) {
                // A bad line that still brings something is worth more patience; one that brings next
                // to nothing is not.
                long gained = HubTransfer.length(partial) - before;
                boolean slow = gained < HubTransfer.SLOWEST * ((System.nanoTime() - start) / 1_000_000_000L);
                if (e.slow() || gained <= 0 || slow || facts.size().isEmpty()) {
                    throw e;
                }
            }
        }
        return matches(partial, facts.etag());
    }

    /**
     * Returns whether an etag is a checksum: that of a large file is its SHA-256, that of a small one its SHA-1 as a
     * git blob.
     */
    private static boolean isChecksum(String etag) {
        return etag.matches("[0-9a-f]{64}|[0-9a-f]{40}");
    }

    private static boolean matches(Path file, String etag) throws IOException {
        boolean large = etag.length() == 64;
        if (!isChecksum(etag)) {
            return true; // no checksum, so the length has to do
        }
        try (var in = FileChannel.open(file, StandardOpenOption.READ)) {
            var digest = MessageDigest.getInstance(large ? "SHA-256" : "SHA-1");
            if (!large) {
                digest.update(("blob " + in.size() + "\0").getBytes(StandardCharsets.US_ASCII));
            }
            var buffer = ByteBuffer.allocate(1 << 18);
            while (in.read(buffer) >= 0) {
                digest.update(buffer.flip());
                buffer.clear();
            }
            return HexFormat.of().formatHex(digest.digest()).equals(etag);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-1 and SHA-256", e);
        }
    }

    private URI address(HubName name, String file) {
        var encoded = Arrays.stream(file.split("/")).map(Hub::encoded).collect(Collectors.joining("/"));
        return URI.create("%s/%s/resolve/%s/%s"
                .formatted(settings.endpoint(), name.repository(), encoded(name.revision()), encoded));
    }

    private static String encoded(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private interface Attempt<T> {
        T run() throws HubTransfer.Broken;
    }

    private static <T> T retrying(List<Duration> waits, Attempt<T> attempt) throws HubTransfer.Broken {
        for (var wait : waits) {
            Duration rest;
            try {
                return attempt.run();
            } catch (HubTransfer.Broken e) {
                if (e.slow()) {
                    throw e;
                }
                if (e.rest().compareTo(LONGEST_REST) > 0) {
                    throw new HubTransfer.Broken("%s and asks to be left alone for %d s"
                            .formatted(e.sentence(), e.rest().toSeconds()));
                }
                rest = e.rest().compareTo(wait) > 0 ? e.rest() : wait;
                LOG.info("{}; trying again in {} s", e.sentence(), rest.toMillis() / 1000.0);
            }
            try {
                Thread.sleep(rest.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new VitrailException("the download was interrupted; repeat it and it will continue", e);
            }
        }
        return attempt.run();
    }

    private VitrailException unreachable(HubName name, String file, HubTransfer.Broken e) {
        return new VitrailException(
                "could not fetch %s of %s: %s; check the network, or try again later and it will continue"
                        .formatted(file, name.repository(), e.sentence()),
                e);
    }

    /** Nothing where only the file is missing; for all else a sentence that says what to do. */
    private Optional<Path> refused(HubName name, String file, HubTransfer.Refusal refusal) throws NoAnswer {
        boolean missing = refusal.status() == 404;
        if (missing && (refusal.code().equals("EntryNotFound") || refusal.code().isEmpty())) {
            return Optional.empty();
        }
        throw new NoAnswer(sentence(name, file, refusal));
    }

    private VitrailException sentence(HubName name, String file, HubTransfer.Refusal refusal) {
        String page = settings.endpoint() + "/" + name.repository();
        boolean missing = refusal.status() == 404;
        if (refusal.code().equals(HubTransfer.NO_HUB)) {
            return VitrailException.of(
                    "%s: check HF_ENDPOINT, and whether this network wants a sign-in first", refusal.message());
        }
        if (missing && refusal.code().equals("RevisionNotFound")) {
            return VitrailException.of(
                    "%s has no revision %s: see %s/tree/main", name.repository(), name.revision(), page);
        }
        String asked = settings.token().isPresent() ? "the token in use was refused" : "no token was sent";
        if (refusal.code().equals("GatedRepo") || refusal.status() == 403) {
            return VitrailException.of(
                    "%s is gated and %s: accept its terms at %s, then set HF_TOKEN to a token of that account",
                    name.repository(), asked, page);
        }
        if (missing || refusal.status() == 401) {
            return VitrailException.of(
                    "%s does not exist or is private (%s): check the name at %s, or set HF_TOKEN to a token that may"
                            + " read it",
                    name.repository(), asked, page);
        }
        return VitrailException.of(
                "the hub answers with status %d for %s of %s (%s)",
                refusal.status(), file, name.repository(), refusal.message());
    }
}
