package dev.vitrail.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.FileWindow;
import dev.vitrail.images.decode.DecodeOptions;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * Images in tar files, in the layout of the WebDataset project: the files of a sample follow each other and share their
 * name up to the first dot, {@code n01440764/0001.jpg} and {@code n01440764/0001.cls}. The image is known by its
 * extension; the label is the text of {@code .cls}, or the field {@code label}, {@code cls} or {@code class} of
 * {@code .json}. Of several images the first with a single extension is taken ({@code 0001.jpg}, not
 * {@code 0001.depth.png}); where that leaves a choice it is told by {@link #faults}.
 *
 * <p>A tar file is walked through once, from header to header, to note where its images lie; then any of them is read
 * by itself. What cannot be used, be it a sample without an image or the rest of a file that is cut short, is left out
 * and told by {@link #faults}.
 */
final class WebDataset extends ShardedImages {
    private static final List<String> LABEL_FIELDS = List.of("label", "cls", "class");
    /** Bytes of a file of labels; a longer one is none. */
    private static final int LARGEST_LABEL = 1 << 20;
    /** Bytes read at once where a header is expected. */
    private static final int HEADERS = 4096;

    private static final JsonMapper JSON = new JsonMapper();

    /** One image: where its bytes lie. */
    private record Sample(Path shard, String name, long offset, int bytes) {}

    private final List<Sample> samples;

    private WebDataset(
            List<Path> shards, List<Sample> samples, ShardLabels labels, DataProblems faults, DecodeOptions decoding) {
        super(origin(shards), labels, faults, decoding);
        this.samples = samples;
    }

    /**
     * Indexes tar files.
     *
     * @param classes what the labels are, if it is known; otherwise a list {@code classes.txt} or
     *     {@code classnames.txt} beside the files says it, or the labels themselves do
     * @throws VitrailException if nothing at all can be used
     */
    static WebDataset open(List<Path> shards, Optional<List<String>> classes, DecodeOptions decoding) {
        var index = new Index();
        shards.forEach(index::read);
        var known = classes.or(() -> ClassNames.beside(shards.get(0)));
        var labels = ShardLabels.of(
                index.labels, place -> name(index.samples.get(place)), known, origin(shards), index.faults);
        return new WebDataset(shards, index.samples, labels, index.faults.faults(), decoding);
    }

    /** Walks through tar files. */
    private static final class Index {
        final List<Sample> samples = new ArrayList<>();
        final List<Optional<String>> labels = new ArrayList<>();
        final DataProblems.Collector faults = new DataProblems.Collector();

        void read(Path shard) {
            int before = samples.size();
            try (var channel = FileChannel.open(shard, StandardOpenOption.READ)) {
                var packing = Packing.of(FileWindow.bytes(channel, 0, (int) Math.min(channel.size(), Packing.BYTES)));
                if (packing.isPresent()) {
                    faults.add("%s is no tar file as it stands: it %s"
                            .formatted(shard, packing.get().advice(shard)));
                    return;
                }
                walk(shard, channel);
            } catch (IOException | RuntimeException e) {
                // The library answers damaged headers with whatever comes to hand.
                faults.add("%s is cut short or damaged (%s); %s before that are used"
                        .formatted(shard, reason(e), Descriptions.count(samples.size() - before, "image")));
            }
        }

        private static String reason(Exception e) {
            return e instanceof NoSuchFileException ? "there is no such file" : String.valueOf(e.getMessage());
        }

        private void walk(Path shard, FileChannel channel) throws IOException {
            var window = new FileWindow(channel, 0, HEADERS);
            var sample = new Parts(shard, "");
            try (var tar = new TarArchiveInputStream(window, StandardCharsets.UTF_8.name())) {
                for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                    if (!entry.isFile() || entry.isSparse() || isHidden(entry)) {
                        continue;
                    }
                    long offset = window.position();
                    if (entry.getSize() > window.size() - offset) {
                        throw new IOException("'%s' should have %d bytes".formatted(entry.getName(), entry.getSize()));
                    }
                    int dot = entry.getName().indexOf('.', entry.getName().lastIndexOf('/') + 1);
                    var key = dot < 0 ? entry.getName() : entry.getName().substring(0, dot);
                    if (!key.equals(sample.key)) {
                        finish(sample);
                        sample = new Parts(shard, key);
                    }
                    sample.add(entry, offset, channel);
                }
            } finally {
                finish(sample);
            }
        }

        private static boolean isHidden(TarArchiveEntry entry) {
            var name = entry.getName();
            return ImageFiles.isHidden(name.substring(name.lastIndexOf('/') + 1));
        }

        private void finish(Parts parts) {
            parts.faults.forEach(faults::add);
            var image = parts.image();
            if (image.isPresent()) {
                samples.add(image.get());
                labels.add(parts.label());
                parts.choice().ifPresent(faults::add);
            } else if (!parts.key.isEmpty()) {
                faults.add("%s/%s has no image, so it is left out".formatted(parts.shard.getFileName(), parts.key));
            }
        }
    }

    /** Files of a sample read so far. */
    private static final class Parts {
        final Path shard;
        final String key;
        final List<String> faults = new ArrayList<>();
        final Map<String, String> labels = new HashMap<>();
        /**
         * Images named by the key and one extension, and those with more of them: how many there are, and the first.
         */
        int plain;

        int further;
        Optional<Sample> firstPlain = Optional.empty();
        Optional<Sample> firstFurther = Optional.empty();

        Parts(Path shard, String key) {
            this.shard = shard;
            this.key = key;
        }

        void add(TarArchiveEntry entry, long offset, FileChannel channel) throws IOException {
            var name = entry.getName();
            var extension = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
            if (ImageFiles.isImage(Path.of("x." + extension))) {
                if (entry.getSize() <= Integer.MAX_VALUE) {
                    var found = Optional.of(new Sample(shard, name, offset, (int) entry.getSize()));
                    if (name.length() == key.length() + 1 + extension.length()) {
                        plain++;
                        firstPlain = firstPlain.or(() -> found);
                    } else {
                        further++;
                        firstFurther = firstFurther.or(() -> found);
                    }
                }
            } else if ((extension.equals("cls") || extension.equals("json")) && entry.getSize() <= LARGEST_LABEL) {
                var text = new String(FileWindow.bytes(channel, offset, (int) entry.getSize()), StandardCharsets.UTF_8);
                (extension.equals("cls") ? Optional.of(text.strip()) : field(name, text))
                        .filter(label -> !label.isEmpty())
                        .ifPresent(label -> labels.put(extension, label));
            }
        }

        Optional<Sample> image() {
            return firstPlain.or(() -> firstFurther);
        }

        /** Message if the extensions leave open which image is meant. */
        Optional<String> choice() {
            int images = plain > 0 ? plain : further;
            return images < 2
                    ? Optional.empty()
                    : Optional.of(
                            ("%s/%s has %d images, of which the first is taken, %s: a sample is what shares its name up"
                                            + " to the first dot, and has one image")
                                    .formatted(
                                            shard.getFileName(),
                                            key,
                                            images,
                                            image().map(Sample::name).orElseThrow()));
        }

        private Optional<String> field(String name, String text) {
            try {
                var root = JSON.readTree(text);
                return LABEL_FIELDS.stream()
                        .map(root::path)
                        .filter(field -> field.isTextual() || field.isIntegralNumber())
                        .findFirst()
                        .map(field -> field.asText().strip());
            } catch (JsonProcessingException e) {
                faults.add("%s/%s is no JSON".formatted(shard.getFileName(), name));
                return Optional.empty();
            }
        }

        Optional<String> label() {
            return Optional.ofNullable(labels.get("cls")).or(() -> Optional.ofNullable(labels.get("json")));
        }
    }

    private static String name(Sample sample) {
        return sample.shard.getFileName() + "/" + sample.name;
    }

    private Sample sample(int index) {
        return samples.get(place(index));
    }

    @Override
    public byte[] content(int index) {
        var sample = sample(index);
        return FileWindow.bytes(sample.shard, sample.offset, sample.bytes, name(index));
    }

    @Override
    public long contentBytes(int index) {
        return sample(index).bytes;
    }

    @Override
    public String name(int index) {
        return name(sample(index));
    }
}
