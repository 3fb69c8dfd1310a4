package dev.vitrail.data;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import java.io.File;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * Content of a data set in order: the names of its classes, and each image's name, label and {@link Dataset#stamp}. A
 * run keeps the inventory that it began with, so that going on with other data is noticed, and can be told in words.
 *
 * @param classes names of the classes
 * @param entries the images
 */
public record Inventory(List<String> classes, List<Entry> entries) {
    private static final String TITLE = "vitrail inventory 1";

    /**
     * One image.
     *
     * @param name as {@link Dataset#name} gives it, with slashes on every system
     * @param stamp of its content
     * @param label index of its class
     */
    public record Entry(String name, long stamp, int label) {}

    public Inventory {
        classes = List.copyOf(classes);
        entries = List.copyOf(entries);
    }

    /** Takes the inventory of a set; asks the file system for the size of each file. */
    public static Inventory of(Dataset set) {
        var entries = new ArrayList<Entry>(set.size());
        for (int i = 0; i < set.size(); i++) {
            entries.add(new Entry(set.name(i).replace(File.separatorChar, '/'), set.stamp(i), set.label(i)));
        }
        return new Inventory(set.classes(), entries);
    }

    /** Data of a run: first the training images, then the validation images. */
    public static Inventory of(TrainAndValidation sets) {
        var train = of(sets.train());
        var entries = new ArrayList<>(train.entries);
        entries.addAll(of(sets.validation()).entries);
        return new Inventory(train.classes, entries);
    }

    /** The numbers of images and classes, and a checksum (CRC-32C) of all that is known of them. */
    public String summary() {
        var sum = new CRC32C();
        classes.forEach(name -> sum.update((name + "\n").getBytes(StandardCharsets.UTF_8)));
        entries.forEach(entry -> sum.update(
                "%s\n%d\n%d\n".formatted(entry.name, entry.stamp, entry.label).getBytes(StandardCharsets.UTF_8)));
        return "%d images of %d classes, checksum %x".formatted(entries.size(), classes.size(), sum.getValue());
    }

    /**
     * Differences of a later inventory, such as "2 images are gone ('ants/1.jpg', 'ants/2.jpg')"; empty
     * if nothing is.
     */
    public Optional<String> difference(Inventory later) {
        if (equals(later)) {
            return Optional.empty();
        }
        if (!classes.equals(later.classes)) {
            return Optional.of(classDifference(later));
        }
        var after = later.byName();
        var gone = new ArrayList<String>();
        var changed = new ArrayList<String>();
        var relabelled = new ArrayList<String>();
        byName().forEach((name, entry) -> {
            var other = after.remove(name);
            if (other == null) {
                gone.add(name);
            } else if (other.stamp != entry.stamp) {
                changed.add(name);
            } else if (other.label != entry.label) {
                relabelled.add(name);
            }
        });
        var parts = new ArrayList<String>();
        tell(parts, "gone", gone);
        tell(parts, "new", List.copyOf(after.keySet()));
        tell(parts, "changed", changed);
        tell(parts, "labelled otherwise", relabelled);
        return Optional.of(parts.isEmpty() ? "the images are in another order" : String.join(", ", parts));
    }

    private String classDifference(Inventory later) {
        var parts = new ArrayList<String>();
        var gone =
                classes.stream().filter(name -> !later.classes.contains(name)).toList();
        var added =
                later.classes.stream().filter(name -> !classes.contains(name)).toList();
        if (!gone.isEmpty()) {
            parts.add("%s gone (%s)".formatted(are(gone.size(), "class"), Descriptions.some(gone)));
        }
        if (!added.isEmpty()) {
            parts.add("%s new (%s)".formatted(are(added.size(), "class"), Descriptions.some(added)));
        }
        return parts.isEmpty() ? "the classes are in another order" : String.join(", ", parts);
    }

    private static void tell(List<String> parts, String what, List<String> names) {
        if (!names.isEmpty()) {
            parts.add("%s %s (%s)".formatted(are(names.size(), "image"), what, Descriptions.some(names)));
        }
    }

    private static String are(int count, String noun) {
        return Descriptions.count(count, noun) + (count == 1 ? " is" : " are");
    }

    /** An image may be listed more than once; the second time it goes by its name and a number. */
    private Map<String, Entry> byName() {
        var map = new LinkedHashMap<String, Entry>();
        for (var entry : entries) {
            var name = entry.name;
            for (int i = 2; map.putIfAbsent(name, entry) != null; i++) {
                name = "%s (%d)".formatted(entry.name, i);
            }
        }
        return map;
    }

    /**
     * Refuses data that is not what it was.
     *
     * @param now the inventory of the data as it is
     * @param where what the data is called
     * @throws VitrailException that says what has changed
     */
    public void requireSame(Inventory now, String where) {
        difference(now).ifPresent(difference -> {
            throw VitrailException.of(
                    "%s is not what the run began with: %s; bring back the data as it was, or begin a new run",
                    where, difference);
        });
    }

    /** Writes this to a file: JSON, compressed by gzip. */
    public void write(Path file) {
        AtomicFile.write(file, channel -> {
            // Neither stream holds anything that closing would have to free; the file is closed by who opened it.
            var gzip = new GZIPOutputStream(Channels.newOutputStream(channel), 1 << 16);
            var json = new JsonMapper().getFactory().createGenerator(gzip, JsonEncoding.UTF8);
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.writeStartObject();
            json.writeStringField("title", TITLE);
            json.writeFieldName("classes");
            json.writeStartArray();
            for (var name : classes) {
                json.writeString(name);
            }
            json.writeEndArray();
            json.writeFieldName("images");
            json.writeStartArray();
            for (var entry : entries) {
                json.writeRaw('\n');
                json.writeStartArray();
                json.writeString(entry.name);
                json.writeNumber(entry.stamp);
                json.writeNumber(entry.label);
                json.writeEndArray();
            }
            json.writeEndArray();
            json.writeEndObject();
            json.close();
            gzip.finish();
        });
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws VitrailException if it cannot be read, or is something else
     */
    public static Inventory read(Path file) {
        try (var in = new GZIPInputStream(Files.newInputStream(file), 1 << 16)) {
            var root = new JsonMapper().readTree(in);
            VitrailException.require(
                    root.path("title").asText().equals(TITLE),
                    "%s is no inventory of a data set: it has no '%s'",
                    file,
                    TITLE);
            var classes = new ArrayList<String>();
            root.path("classes").forEach(name -> classes.add(name.asText()));
            var entries = new ArrayList<Entry>();
            for (JsonNode image : root.path("images")) {
                entries.add(new Entry(
                        image.path(0).asText(),
                        image.path(1).asLong(),
                        image.path(2).asInt()));
            }
            return new Inventory(classes, entries);
        } catch (JsonProcessingException e) {
            throw new VitrailException("%s is damaged: %s".formatted(file, e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new VitrailException("%s cannot be read (%s)".formatted(file, e.getMessage()), e);
        }
    }
}
