package dev.vitrail.cli;

import dev.vitrail.loading.LoadedModel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/** Fingerprint of a job: two jobs with equal fingerprints give the same results for an image. */
final class Fingerprint {
    private Fingerprint() {}

    /**
     * The model's part: its architecture, a checksum of its weights, its preprocessing, and a checksum of
     * its classes' names.
     */
    static Map<String, Object> of(String command, LoadedModel loaded, DecodingOptions decoding) {
        var made = new LinkedHashMap<String, Object>();
        made.put("command", command);
        made.put("architecture", loaded.variant().name());
        made.put("weights", loaded.checksum());
        made.put("preprocessing", loaded.preprocessing().toString());
        var labels = new CRC32C();
        loaded.labels().forEach(label -> labels.update((label + "\n").getBytes(StandardCharsets.UTF_8)));
        made.put("classes", Long.toHexString(labels.getValue()));
        made.put("decoding", decoding.options().toString());
        return made;
    }
}
