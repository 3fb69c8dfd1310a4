package dev.vitrail.parquet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;

/** Parquet files as the format's first implementation, parquet-java, writes and reads them. */
public final class ReferenceParquet {
    /** The layout of Hugging Face's image data sets. */
    private static final MessageType IMAGES = MessageTypeParser.parseMessageType(
            """
            message schema {
              optional group image { optional binary bytes; optional binary path (STRING); }
              optional int64 label;
              optional binary name (STRING);
            }
            """);

    private ReferenceParquet() {}

    /**
     * How to write.
     *
     * @param pageBytes of which a page is made, about
     * @param groupBytes of which a row group is made, about
     */
    public record Style(String codec, boolean second, boolean dictionary, int pageBytes, int groupBytes) {
        public static final Style USUAL = new Style("SNAPPY", false, true, 1 << 20, 8 << 20);
    }

    /** A row: an image, the label as a number and as a name. */
    public record Row(Optional<byte[]> image, Optional<Long> label, Optional<String> name) {}

    /** Writes rows; with metadata as Hugging Face has them if classes are named. */
    public static Path write(Path file, Style style, List<String> classes, List<Row> rows) {
        try {
            Files.createDirectories(file.getParent());
            Files.deleteIfExists(file);
            var names = classes.isEmpty()
                    ? Map.<String, String>of()
                    : Map.of(
                            "huggingface",
                            "{\"info\": {\"features\": {\"image\": {\"_type\": \"Image\"}, \"label\": {\"names\": [\""
                                    + String.join("\", \"", classes) + "\"], \"_type\": \"ClassLabel\"}}}}");
            try (var writer = ExampleParquetWriter.builder(new LocalOutputFile(file))
                    .withConf(new PlainParquetConfiguration())
                    .withType(IMAGES)
                    .withCompressionCodec(CompressionCodecName.valueOf(style.codec))
                    .withWriterVersion(style.second ? WriterVersion.PARQUET_2_0 : WriterVersion.PARQUET_1_0)
                    .withDictionaryEncoding(style.dictionary)
                    .withPageSize(style.pageBytes)
                    .withRowGroupSize((long) style.groupBytes)
                    .withExtraMetaData(names)
                    .build()) {
                var factory = new SimpleGroupFactory(IMAGES);
                for (var row : rows) {
                    var group = factory.newGroup();
                    row.image.ifPresent(
                            image -> group.addGroup("image").append("bytes", Binary.fromConstantByteArray(image)));
                    row.label.ifPresent(label -> group.append("label", label));
                    row.name.ifPresent(name -> group.append("name", name));
                    writer.write(group);
                }
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads all rows as text, a field a line. */
    public static List<String> read(Path file) {
        var rows = new ArrayList<String>();
        try (var reader = new Groups(new LocalInputFile(file)).build()) {
            for (var group = reader.read(); group != null; group = reader.read()) {
                rows.add(group.toString());
            }
            return rows;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final class Groups extends ParquetReader.Builder<Group> {
        Groups(InputFile file) {
            super(file, new PlainParquetConfiguration());
        }

        @Override
        protected ReadSupport<Group> getReadSupport() {
            return new GroupReadSupport();
        }
    }
}
