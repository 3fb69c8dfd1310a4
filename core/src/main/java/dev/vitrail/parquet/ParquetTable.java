package dev.vitrail.parquet;

import dev.vitrail.files.AtomicFile;
import io.airlift.compress.snappy.SnappyCompressor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.ListType;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.StringType;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.Util;

/**
 * A table that is written as a Parquet file: required columns, plain encoding, version 1 pages compressed by snappy,
 * which every reader understands.
 */
public final class ParquetTable {
    private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
    /** Rows of a page are chosen to make about as many bytes. */
    private static final int PAGE_BYTES = 1 << 20;

    private final List<Column> columns = new ArrayList<>();
    private int rows = -1;

    /** A column's values, ready to be written. */
    private interface Column {
        /** The column's elements of the schema; the first is the column itself. */
        List<SchemaElement> schema();

        /** Bytes that rows take in a page, about. */
        long bytesPerRow();

        /** Values that rows have. */
        int values(int rows);

        /** A page's bytes: levels, then the values of rows {@code from} to {@code to}. */
        byte[] page(int from, int to);
    }

    /** Adds a column of texts. */
    public ParquetTable strings(String name, List<String> values) {
        var encoded = values.stream()
                .map(value -> value.getBytes(StandardCharsets.UTF_8))
                .toList();
        long total = encoded.stream()
                .mapToLong(bytes -> Integer.BYTES + bytes.length)
                .sum();
        var element = leaf(name, Type.BYTE_ARRAY);
        element.setConverted_type(ConvertedType.UTF8);
        element.setLogicalType(LogicalType.STRING(new StringType()));
        return add(values.size(), new Flat(element, total / Math.max(1, values.size()) + 1) {
            @Override
            public byte[] page(int from, int to) {
                int size = 0;
                for (var bytes : encoded.subList(from, to)) {
                    size = Math.addExact(size, Integer.BYTES + bytes.length);
                }
                var page = bytes(size);
                encoded.subList(from, to)
                        .forEach(bytes -> page.putInt(bytes.length).put(bytes));
                return page.array();
            }
        });
    }

    /** Adds a column of 32-bit whole numbers. */
    public ParquetTable integers(String name, int[] values) {
        return add(values.length, new Flat(leaf(name, Type.INT32), Integer.BYTES) {
            @Override
            public byte[] page(int from, int to) {
                var page = bytes(Integer.BYTES * (to - from));
                page.asIntBuffer().put(values, from, to - from);
                return page.array();
            }
        });
    }

    /** Adds a column of 64-bit floats. */
    public ParquetTable doubles(String name, double[] values) {
        return add(values.length, new Flat(leaf(name, Type.DOUBLE), Double.BYTES) {
            @Override
            public byte[] page(int from, int to) {
                var page = bytes(Double.BYTES * (to - from));
                page.asDoubleBuffer().put(values, from, to - from);
                return page.array();
            }
        });
    }

    /** Adds a column of lists of 32-bit floats, all of one length of at least 1. */
    public ParquetTable vectors(String name, List<float[]> values) {
        return add(values.size(), new Vectors(name, values));
    }

    private ParquetTable add(int count, Column column) {
        if (rows >= 0 && rows != count) {
            throw new IllegalArgumentException("a column of %d rows was added to a table of %d".formatted(count, rows));
        }
        rows = count;
        columns.add(column);
        return this;
    }

    private ArrayList<SchemaElement> schema() {
        var root = new SchemaElement("table");
        root.setNum_children(columns.size());
        var schema = new ArrayList<>(List.of(root));
        columns.forEach(column -> schema.addAll(column.schema()));
        return schema;
    }

    private static SchemaElement leaf(String name, Type type) {
        var element = new SchemaElement(name);
        element.setType(type);
        element.setRepetition_type(FieldRepetitionType.REQUIRED);
        return element;
    }

    private static ByteBuffer bytes(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A column of one value a row: no levels. */
    private abstract static class Flat implements Column {
        private final SchemaElement element;
        private final long bytesPerRow;

        Flat(SchemaElement element, long bytesPerRow) {
            this.element = element;
            this.bytesPerRow = bytesPerRow;
        }

        @Override
        public List<SchemaElement> schema() {
            return List.of(element);
        }

        @Override
        public long bytesPerRow() {
            return bytesPerRow;
        }

        @Override
        public int values(int rows) {
            return rows;
        }
    }

    /**
     * A column of lists, in the three levels that the format asks for: the list, its repeated items, the item's value.
     */
    private static final class Vectors implements Column {
        private final String name;
        private final List<float[]> vectors;
        private final int width;

        Vectors(String name, List<float[]> vectors) {
            this.name = name;
            this.vectors = vectors;
            width = vectors.isEmpty() ? 1 : vectors.get(0).length;
            if (width < 1 || vectors.stream().anyMatch(vector -> vector.length != width)) {
                throw new IllegalArgumentException("vectors of one table have the same length, at least 1");
            }
        }

        @Override
        public List<SchemaElement> schema() {
            var list = new SchemaElement(name);
            list.setRepetition_type(FieldRepetitionType.REQUIRED);
            list.setNum_children(1);
            list.setConverted_type(ConvertedType.LIST);
            list.setLogicalType(LogicalType.LIST(new ListType()));
            var items = new SchemaElement("list");
            items.setRepetition_type(FieldRepetitionType.REPEATED);
            items.setNum_children(1);
            return List.of(list, items, leaf("element", Type.FLOAT));
        }

        @Override
        public long bytesPerRow() {
            return (long) Float.BYTES * width;
        }

        @Override
        public int values(int rows) {
            return Math.multiplyExact(rows, width);
        }

        @Override
        public byte[] page(int from, int to) {
            var out = new ByteArrayOutputStream();
            // Repetition: 0 begins a list, 1 goes on with it. Definition: 1, as every item is there.
            var row = new ByteArrayOutputStream();
            run(row, 1, 0);
            run(row, width - 1, 1);
            var repetition = new ByteArrayOutputStream();
            for (int i = from; i < to; i++) {
                repetition.writeBytes(row.toByteArray());
            }
            var definition = new ByteArrayOutputStream();
            run(definition, values(to - from), 1);
            for (var levels : List.of(repetition, definition)) {
                out.writeBytes(bytes(Integer.BYTES).putInt(levels.size()).array());
                out.writeBytes(levels.toByteArray());
            }
            var values = bytes(Math.multiplyExact(Float.BYTES, values(to - from)));
            for (var vector : vectors.subList(from, to)) {
                for (float value : vector) {
                    values.putFloat(value);
                }
            }
            out.writeBytes(values.array());
            return out.toByteArray();
        }

        /** A run of equal levels of one bit: its length, doubled, in groups of seven bits, then the level. */
        private static void run(ByteArrayOutputStream out, int count, int level) {
            if (count == 0) {
                return;
            }
            int rest = count << 1;
            for (; rest > 0x7f; rest >>>= 7) {
                out.write(rest & 0x7f | 0x80);
            }
            out.write(rest);
            out.write(level);
        }
    }

    // ------------------------------------------------------------------------------------------------------- writing

    /**
     * Writes the file as a whole, or leaves the old one as it is.
     *
     * @throws dev.vitrail.errors.VitrailException if it cannot be written
     */
    public void write(Path file) {
        write(file, List.of(this).iterator());
    }

    /**
     * Writes tables of the same columns one after the other, a row group each, so that no more than one of them need
     * be in memory.
     *
     * @param tables at least one
     * @throws dev.vitrail.errors.VitrailException if the file cannot be written
     */
    public static void write(Path file, Iterator<ParquetTable> tables) {
        AtomicFile.write(file, channel -> new Writer(channel).write(tables));
    }

    /** Writes to a channel and counts. */
    private static final class Writer {
        private final WritableByteChannel channel;
        private long position;

        Writer(WritableByteChannel channel) {
            this.channel = channel;
        }

        private void put(byte[] bytes) throws IOException {
            AtomicFile.writeFully(channel, ByteBuffer.wrap(bytes));
            position += bytes.length;
        }

        void write(Iterator<ParquetTable> tables) throws IOException {
            put(MAGIC);
            var schema = new ArrayList<SchemaElement>();
            var groups = new ArrayList<RowGroup>();
            long rows = 0;
            while (tables.hasNext()) {
                var table = tables.next();
                var own = table.schema();
                if (!schema.isEmpty() && !schema.equals(own)) {
                    throw new IllegalArgumentException("tables of one file have the same columns");
                }
                schema = own;
                var chunks = new ArrayList<ColumnChunk>();
                long start = position;
                for (var column : table.columns) {
                    chunks.add(chunk(column, table.rows));
                }
                groups.add(new RowGroup(chunks, position - start, table.rows));
                rows += table.rows;
            }
            if (groups.isEmpty()) {
                throw new IllegalArgumentException("a file has one table at least");
            }
            var footer = new ByteArrayOutputStream();
            var metadata = new FileMetaData(1, schema, rows, groups);
            metadata.setCreated_by("vitrail");
            Util.writeFileMetaData(metadata, footer);
            put(footer.toByteArray());
            put(bytes(Integer.BYTES).putInt(footer.size()).array());
            put(MAGIC);
        }

        private ColumnChunk chunk(Column column, int rows) throws IOException {
            long start = position;
            long plain = 0;
            int each = (int) Math.max(1, Math.min(rows, PAGE_BYTES / column.bytesPerRow()));
            int from = 0;
            do {
                int to = Math.min(rows, from + each);
                plain += page(column, from, to);
                from = to;
            } while (from < rows);
            var elements = column.schema();
            var leaf = elements.get(elements.size() - 1);
            var names = elements.stream().map(SchemaElement::getName).toList();
            var described = new ColumnMetaData(
                    leaf.getType(),
                    List.of(Encoding.PLAIN, Encoding.RLE),
                    names,
                    CompressionCodec.SNAPPY,
                    column.values(rows),
                    plain,
                    position - start,
                    start);
            var chunk = new ColumnChunk(start);
            chunk.setMeta_data(described);
            return chunk;
        }

        /** Returns the bytes that the page would have without compression, its header included. */
        private long page(Column column, int from, int to) throws IOException {
            byte[] plain = column.page(from, to);
            var compressor = new SnappyCompressor();
            var room = new byte[compressor.maxCompressedLength(plain.length)];
            byte[] stored = Arrays.copyOf(room, compressor.compress(plain, 0, plain.length, room, 0, room.length));
            var header = new PageHeader(PageType.DATA_PAGE, plain.length, stored.length);
            header.setData_page_header(
                    new DataPageHeader(column.values(to - from), Encoding.PLAIN, Encoding.RLE, Encoding.RLE));
            var head = new ByteArrayOutputStream();
            Util.writePageHeader(header, head);
            put(head.toByteArray());
            put(stored);
            return (long) head.size() + plain.length;
        }
    }
}
