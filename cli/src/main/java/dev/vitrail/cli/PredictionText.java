package dev.vitrail.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.vitrail.Prediction;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.apache.commons.csv.CSVFormat;

/** Writes predictions as text, image by image; UTF-8, with a line's end of one byte on every system. */
abstract class PredictionText {
    final OutputStream out;

    private PredictionText(OutputStream out) {
        this.out = out;
    }

    /** @param format one that is text */
    static PredictionText of(PredictCommand.Format format, OutputStream out) {
        return switch (format) {
            case TEXT -> new Ranking(out);
            case CSV -> new Csv(out);
            case JSONL -> new JsonLines(out);
            case JSON -> new JsonObject(out);
            case PARQUET -> throw new IllegalArgumentException("Parquet is no text");
        };
    }

    /** Writes the predictions of an image. */
    abstract void add(String image, List<Prediction> labels);

    /**
     * Writes what comes after the last image.
     *
     * @param broken images that could not be read
     * @param notes sentences about the model
     * @param whole whether that was all; otherwise the work was interrupted
     */
    void end(List<String> broken, List<String> notes, boolean whole) {}

    void write(String text) {
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The predictions of an image, as JSON. */
    private record Result(String image, List<Label> labels) {
        static Result of(String image, List<Prediction> labels) {
            return new Result(
                    image,
                    labels.stream()
                            .map(label -> new Label(label.index(), label.label(), label.probability()))
                            .toList());
        }
    }

    private record Label(int index, String label, double probability) {}

    private static final class Ranking extends PredictionText {
        private boolean begun;

        Ranking(OutputStream out) {
            super(out);
        }

        @Override
        void add(String image, List<Prediction> labels) {
            int width = labels.stream()
                    .mapToInt(label -> label.label().length())
                    .max()
                    .orElse(0);
            var text = new StringBuilder(begun ? "\n" : "").append(image).append('\n');
            for (var label : labels) {
                text.append(String.format(
                        Locale.ROOT,
                        "  %5.1f %%  %-" + Math.max(1, width) + "s  %s\n",
                        100 * label.probability(),
                        label.label(),
                        "█".repeat((int) Math.round(30 * label.probability()))));
            }
            begun = true;
            write(text.toString());
        }
    }

    /** RFC 4180, with a title line. */
    private static final class Csv extends PredictionText {
        private static final CSVFormat FORMAT =
                CSVFormat.RFC4180.builder().setRecordSeparator('\n').get();

        private boolean begun;

        Csv(OutputStream out) {
            super(out);
        }

        @Override
        void add(String image, List<Prediction> labels) {
            var rows = new StringBuilder(begun ? "" : "image,rank,index,label,probability\n");
            for (int i = 0; i < labels.size(); i++) {
                var label = labels.get(i);
                rows.append(FORMAT.format(
                                image,
                                i + 1,
                                label.index(),
                                label.label(),
                                String.format(Locale.ROOT, "%.6f", label.probability())))
                        .append('\n');
            }
            begun = true;
            write(rows.toString());
        }
    }

    private static final class JsonLines extends PredictionText {
        JsonLines(OutputStream out) {
            super(out);
        }

        @Override
        void add(String image, List<Prediction> labels) {
            write(JsonOutput.line(Result.of(image, labels)) + "\n");
        }
    }

    /** One object, its array written item by item. */
    private static final class JsonObject extends PredictionText {
        private final JsonGenerator json;
        private boolean begun;

        JsonObject(OutputStream out) {
            super(out);
            try {
                json = JsonOutput.LINES
                        .copy()
                        .disable(SerializationFeature.FLUSH_AFTER_WRITE_VALUE)
                        .getFactory()
                        .createGenerator(out)
                        .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
                        .setPrettyPrinter(new DefaultPrettyPrinter());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        void add(String image, List<Prediction> labels) {
            try {
                if (!begun) {
                    json.writeStartObject();
                    json.writeArrayFieldStart("predictions");
                    begun = true;
                }
                json.writePOJO(Result.of(image, labels));
                json.flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        void end(List<String> broken, List<String> notes, boolean whole) {
            try {
                json.writeEndArray();
                json.writePOJOField("broken", broken);
                json.writePOJOField("notes", notes);
                if (!whole) {
                    json.writeBooleanField("interrupted", true);
                }
                json.writeEndObject();
                json.flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            write("\n");
        }
    }
}
