package dev.vitrail.weights;

import dev.vitrail.VitrailException;
import dev.vitrail.files.AtomicFile;
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
 * stopped, in this process or the next. Without a network, what the cache holds is used.
 *
 * <p>Safe for use by several threads and processes.
 */
public final class Hub {
    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    /** Waits between attempts: five attempts over a quarter of a minute. */
    private static final List<Duration> WAITS =
            List.of(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(8));

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final HubSettings settings;
    private final List<Duration> waits;
    private final HubTransfer transfer;

    /** A hub with these settings. */
    public Hub(HubSettings settings) {
        this(settings, WAITS, PATIENCE);
    }

    /** For tests, which cannot wait that long. */
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
     * @throws VitrailException if it does not exist, is not open to whoever asks, or cannot be fetched whole
     */
    public Path fetch(String repository, String revision, String file) {
        var name = new HubName(repository, revision);
        return find(name, file)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no file %s at revision %s: look up its files at %s/%s",
                        repository, file, revision, settings.endpoint(), repository));
    }

    /**
     * The folder of a model's snapshot, with {@code config.json} and its weights in whatever form the repository has
     * them: safetensors first, in one file or several, else PyTorch's.
     */
    public Path fetchModel(HubName name) {
        fetch(name.repository(), name.revision(), "config.json");
        for (String weights : List.of("model.safetensors", "pytorch_model.bin")) {
            var whole = find(name, weights);
            if (whole.isPresent()) {
                return folder(whole.get());
            }
            var index = find(name, weights + ShardedIndex.SUFFIX);
            if (index.isPresent()) {
                ShardedIndex.read(index.get())
                        .files()
                        .forEach(shard -> fetch(name.repository(), name.revision(), shard));
                return folder(index.get());
            }
        }
        throw VitrailException.of(
                "%s holds neither model.safetensors nor pytorch_model.bin: it is no model that can be loaded",
                name.repository());
    }

    private static Path folder(Path file) {
        var parent = file.getParent();
        return parent == null ? file : parent;
    }

    /** The file, or nothing where the repository exists and does not hold it. */
    private Optional<Path> find(HubName name, String file) {
        HubName.requirePath(file, "file");
        var cache = new HubCache(settings.cache(), name.repository());
        var cached = cache.findByRevision(name.revision(), file);
        if (cached.isPresent() && (settings.offline() || HubCache.isCommit(name.revision()))) {
            return cached;
        }
        VitrailException.require(
                !settings.offline(),
                "%s of %s is not in the cache %s and HF_HUB_OFFLINE forbids fetching it: fetch it once with a network",
                file,
                name.repository(),
                settings.cache());
        HubTransfer.Answer answer;
        try {
            // With something to fall back on there is no sense in waiting for a network that is not there.
            answer = retrying(cached.isPresent() ? List.of() : waits, () -> transfer.facts(address(name, file)));
        } catch (HubTransfer.Broken e) {
            if (cached.isPresent()) {
                LOG.warn("using the cached {} of {}: {}", file, name.repository(), e.sentence());
                return cached;
            }
            throw unreachable(name, file, e);
        }
        if (answer.refusal().isPresent()) {
            return refused(name, file, answer.refusal().get());
        }
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

    /** Whether all arrived and matches its checksum. */
    private boolean downloaded(URI address, Path partial, HubTransfer.Facts facts)
            throws HubTransfer.Broken, IOException {
        boolean complete = false;
        while (!complete) {
            long before = HubTransfer.length(partial);
            try {
                retrying(waits, () -> {
                    transfer.download(address, partial, facts.size());
                    return partial;
                });
                complete = true;
            } catch (HubTransfer.Broken e) {
                // A bad line that still brings something is worth more patience; one that brings nothing is not.
                if (HubTransfer.length(partial) <= before || facts.size().isEmpty()) {
                    throw e;
                }
            }
        }
        return matches(partial, facts.etag());
    }

    /** The etag of a large file is its SHA-256, that of a small one its SHA-1 as a git blob. */
    private static boolean matches(Path file, String etag) throws IOException {
        boolean large = etag.matches("[0-9a-f]{64}");
        if (!large && !etag.matches("[0-9a-f]{40}")) {
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
            try {
                return attempt.run();
            } catch (HubTransfer.Broken e) {
                LOG.info("{}; trying again in {} s", e.sentence(), wait.toMillis() / 1000.0);
            }
            try {
                Thread.sleep(wait.toMillis());
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

    /** Nothing where only the file is missing; an exception that says what to do for all else. */
    private Optional<Path> refused(HubName name, String file, HubTransfer.Refusal refusal) {
        String page = settings.endpoint() + "/" + name.repository();
        boolean missing = refusal.status() == 404;
        if (missing && (refusal.code().equals("EntryNotFound") || refusal.code().isEmpty())) {
            return Optional.empty();
        }
        if (missing && refusal.code().equals("RevisionNotFound")) {
            throw VitrailException.of(
                    "%s has no revision %s: see %s/tree/main", name.repository(), name.revision(), page);
        }
        String asked = settings.token().isPresent() ? "the token in use was refused" : "no token was sent";
        if (refusal.code().equals("GatedRepo") || refusal.status() == 403) {
            throw VitrailException.of(
                    "%s is gated and %s: accept its terms at %s, then set HF_TOKEN to a token of that account",
                    name.repository(), asked, page);
        }
        if (missing || refusal.status() == 401) {
            throw VitrailException.of(
                    "%s does not exist or is private (%s): check the name at %s, or set HF_TOKEN to a token that may read it",
                    name.repository(), asked, page);
        }
        throw VitrailException.of(
                "the hub answers with status %d for %s of %s (%s)",
                refusal.status(), file, name.repository(), refusal.message());
    }
}
