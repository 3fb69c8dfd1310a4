package dev.vitrail.parquet;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.FileWindow;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Util;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type.Repetition;

/**
 * A Parquet file: what its footer says, and its columns. No file is kept open: each access opens it, reads at one place
 * and closes it, so that any number of threads may read any number of files.
 *
 * <p>Format: Apache Parquet, {@code parquet.thrift}. Encrypted files and columns of lists are refused.
 */
public final class ParquetFile {
    private static final int MAGIC = 0x31524150; // "PAR1", little-endian
    private static final int ENCRYPTED = 0x45524150; // "PARE"
    /** Levels that a schema may have; a column's name is made of all above it. */
    private static final int DEEPEST = 64;

    private static final int TAIL = 8; // length of the footer, magic number

    private final Path path;
    private final long rows;
    private final Map<String, ParquetColumn> columns;
    private final Map<String, String> metadata;

    private ParquetFile(Path path, long rows, Map<String, ParquetColumn> columns, Map<String, String> metadata) {
        this.path = path;
        this.rows = rows;
        this.columns = columns;
        this.metadata = metadata;
    }

    /**
     * Reads the footer of a file.
     *
     * @throws VitrailException if it cannot be read or is no sound Parquet file
     */
    public static ParquetFile open(Path path) {
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return read(path, channel);
        } catch (VitrailException e) {
            throw e;
        } catch (IOException | RuntimeException | OutOfMemoryError | StackOverflowError e) {
            // The libraries answer damaged files with whatever comes to hand.
            throw damaged(path, e);
        }
    }

    static VitrailException damaged(Path path, Throwable cause) {
        var reason = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
        return new VitrailException(
                "%s is no sound Parquet file (%s: %s); fetch or write it again"
                        .formatted(path, cause.getClass().getSimpleName(), reason),
                cause);
    }

    private static ParquetFile read(Path path, FileChannel channel) throws IOException {
        long size = channel.size();
        require(size >= 4 + TAIL, "%s is no Parquet file: it has %d bytes", path, size);
        var tail = ByteBuffer.wrap(FileWindow.bytes(channel, size - TAIL, TAIL)).order(ByteOrder.LITTLE_ENDIAN);
        long length = Integer.toUnsignedLong(tail.getInt());
        int magic = tail.getInt();
        require(magic != ENCRYPTED, "%s is encrypted: decrypt it first", path);
        require(magic == MAGIC, "%s does not end as a Parquet file does: it is cut short, or something else", path);
        require(
                length <= size - 4 - TAIL && length <= Integer.MAX_VALUE,
                "%s claims a footer of %d bytes, and has %d in all",
                path,
                length,
                size);
        var footer = FileWindow.bytes(channel, size - TAIL - length, (int) length);
        // No list or text of the footer can need more than its own bytes.
        var said = Util.readFileMetaData(new ByteArrayInputStream(footer), Math.max(1, footer.length));
        // A row with an image takes a byte at the least, and arrays are made for all rows.
        require(
                said.getNum_rows() >= 0 && said.getNum_rows() <= size,
                "%s claims %d rows, more than its %d bytes can hold",
                path,
                said.getNum_rows(),
                size);
        requireRows(path, said);
        return new ParquetFile(path, said.getNum_rows(), columns(path, said), metadata(said));
    }

    /** Row groups add up to the file's rows; a page is held against its group, and so against the file. */
    private static void requireRows(Path path, FileMetaData said) {
        long left = said.getNum_rows();
        for (RowGroup group : said.getRow_groups()) {
            long rows = group.getNum_rows();
            require(
                    rows >= 0 && rows <= left,
                    "%s claims a row group of %d rows where %d are left of its %d: it is damaged, fetch or write it"
                            + " again",
                    path,
                    rows,
                    left,
                    said.getNum_rows());
            left -= rows;
        }
        require(
                left == 0,
                "%s claims %d rows, and its row groups have %d: it is damaged, fetch or write it again",
                path,
                said.getNum_rows(),
                said.getNum_rows() - left);
    }

    private static Map<String, String> metadata(FileMetaData said) {
        var metadata = new HashMap<String, String>();
        if (said.isSetKey_value_metadata()) {
            said.getKey_value_metadata().forEach(pair -> metadata.put(pair.getKey(), String.valueOf(pair.getValue())));
        }
        return metadata;
    }

    // ------------------------------------------------------------------------------------------------------- columns

    private static Map<String, ParquetColumn> columns(Path path, FileMetaData said) throws IOException {
        var schema = said.getSchema();
        require(!schema.isEmpty(), "%s has no schema", path);
        var descriptors = new LinkedHashMap<String, ColumnDescriptor>();
        int end = leaves(schema, 1, schema.get(0).getNum_children(), List.of(), 0, 0, descriptors);
        require(end == schema.size(), "%s has a schema whose parts do not add up", path);
        var chunks = chunks(said, descriptors.keySet());
        var columns = new LinkedHashMap<String, ParquetColumn>();
        descriptors.forEach((name, descriptor) ->
                columns.put(name, new ParquetColumn(path, name, descriptor, chunks.getOrDefault(name, List.of()))));
        return columns;
    }

    /**
     * Collects the columns below some elements of the schema, which is a tree written in pre-order; returns
     * where they end.
     */
    private static int leaves(
            List<SchemaElement> schema,
            int from,
            int count,
            List<String> above,
            int repetition,
            int definition,
            Map<String, ColumnDescriptor> found)
            throws IOException {
        int at = from;
        for (int i = 0; i < count; i++) {
            if (above.size() >= DEEPEST) {
                throw new IOException("its schema is more than %d levels deep".formatted(DEEPEST));
            }
            var element = schema.get(at++);
            var names = new ArrayList<>(above);
            names.add(element.getName());
            boolean repeated = element.getRepetition_type() == FieldRepetitionType.REPEATED;
            boolean optional = element.getRepetition_type() == FieldRepetitionType.OPTIONAL;
            int levels = repetition + (repeated ? 1 : 0);
            int defined = definition + (repeated || optional ? 1 : 0);
            if (element.isSetNum_children() && element.getNum_children() > 0) {
                at = leaves(schema, at, element.getNum_children(), names, levels, defined, found);
            } else if (element.isSetType()) {
                found.put(String.join(".", names), descriptor(element, names, levels, defined));
            }
        }
        return at;
    }

    private static ColumnDescriptor descriptor(SchemaElement element, List<String> names, int levels, int defined) {
        var kind =
                switch (element.getType()) {
                    case BYTE_ARRAY -> PrimitiveType.PrimitiveTypeName.BINARY;
                    case FIXED_LEN_BYTE_ARRAY -> PrimitiveType.PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY;
                    default ->
                        PrimitiveType.PrimitiveTypeName.valueOf(
                                element.getType().name());
                };
        var repetition = Repetition.valueOf(element.getRepetition_type().name());
        var type = new PrimitiveType(repetition, kind, element.getType_length(), element.getName());
        return new ColumnDescriptor(names.toArray(String[]::new), type, levels, defined);
    }

    /** The parts of each column, one a row group; each group is gone through once, however many columns there are. */
    private static Map<String, List<ParquetColumn.Chunk>> chunks(FileMetaData said, Set<String> names) {
        var chunks = new HashMap<String, List<ParquetColumn.Chunk>>();
        for (RowGroup group : said.getRow_groups()) {
            var described = new HashMap<String, ColumnMetaData>();
            for (var column : group.getColumns()) {
                if (column.isSetMeta_data() && !column.isSetFile_path()) {
                    var metadata = column.getMeta_data();
                    described.putIfAbsent(String.join(".", metadata.getPath_in_schema()), metadata);
                }
            }
            for (var name : names) {
                var chunk = Optional.ofNullable(described.get(name));
                chunks.computeIfAbsent(name, key -> new ArrayList<>())
                        .add(new ParquetColumn.Chunk(
                                chunk.map(ParquetFile::start).orElse(0L),
                                chunk.map(ColumnMetaData::getTotal_compressed_size)
                                        .orElse(0L),
                                group.getNum_rows(),
                                chunk.map(ColumnMetaData::getCodec)
                                        .map(Enum::name)
                                        .orElse("")));
            }
        }
        return chunks;
    }

    /** The dictionary, if there is one, comes before the data; some writers give its place as 0 where there is none. */
    private static long start(ColumnMetaData chunk) {
        long dictionary = chunk.isSetDictionary_page_offset() ? chunk.getDictionary_page_offset() : 0;
        long data = chunk.getData_page_offset();
        return dictionary > 0 ? Math.min(dictionary, data) : data;
    }

    // ----------------------------------------------------------------------------------------------------- what it is

    public Path path() {
        return path;
    }

    public long rows() {
        return rows;
    }

    /**
     * Names of the columns that hold values, in order; a part of a struct has its name after the struct's, with a dot.
     */
    public List<String> columnNames() {
        return List.copyOf(columns.keySet());
    }

    /** A column that holds values. */
    public Optional<ParquetColumn> column(String name) {
        return Optional.ofNullable(columns.get(name));
    }

    /** Value that the writer noted under a key, such as {@code huggingface}. */
    public Optional<String> metadata(String key) {
        return Optional.ofNullable(metadata.get(key));
    }
}
