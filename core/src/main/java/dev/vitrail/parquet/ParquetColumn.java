package dev.vitrail.parquet;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.FileWindow;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.impl.ColumnReaderImpl;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.DataPageV2;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.jspecify.annotations.Nullable;

/**
 * One column of a file: where its pages lie, and what is in each. Levels and encodings are decoded by parquet-column.
 */
public final class ParquetColumn {
    /** Bytes read at once where a header is expected; most have fewer than a hundred. */
    private static final int HEADER = 512;
    /** A page may grow to so many times its stored size, and so many bytes more; images hardly grow at all. */
    private static final long GROWTH = 64;

    private static final long GROWTH_FREE = 64L << 20;

    /**
     * A column's part of one row group.
     *
     * @param start of its first page
     * @param bytes of all its pages with their headers, compressed
     * @param rows of the row group
     * @param codec by which pages are compressed
     */
    record Chunk(long start, long bytes, long rows, String codec) {}

    /**
     * A page of values.
     *
     * @param firstRow the file's row that its initial value belongs to
     * @param rows how many rows it has a value or null for
     * @param place of its header in the file
     * @param bytes of its content, uncompressed
     * @param dictionary place of the header of the dictionary that its values may refer to; −1 if there is none
     */
    public record Page(long firstRow, int rows, long place, int bytes, long dictionary) {}

    private final Path path;
    private final String name;
    private final ColumnDescriptor descriptor;
    private final List<Chunk> chunks;

    ParquetColumn(Path path, String name, ColumnDescriptor descriptor, List<Chunk> chunks) {
        this.path = path;
        this.name = name;
        this.descriptor = descriptor;
        this.chunks = chunks;
    }

    public String name() {
        return name;
    }

    /** Returns whether values are byte strings: images, or text. */
    public boolean isBinary() {
        return descriptor.getPrimitiveType().getPrimitiveTypeName() == PrimitiveTypeName.BINARY;
    }

    /** Returns whether values are whole numbers. */
    public boolean isInteger() {
        var kind = descriptor.getPrimitiveType().getPrimitiveTypeName();
        return kind == PrimitiveTypeName.INT32 || kind == PrimitiveTypeName.INT64;
    }

    // --------------------------------------------------------------------------------------------------------- pages

    /**
     * Finds all pages by walking from header to header; no value is read. Where a chunk is damaged, its remaining rows
     * have no page.
     *
     * @param faults gets a sentence for each damaged chunk
     */
    public List<Page> pages(Consumer<String> faults) {
        require(
                descriptor.getMaxRepetitionLevel() == 0,
                "%s: the column %s holds lists; expected one value a row",
                path,
                name);
        var pages = new ArrayList<Page>();
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long row = 0;
            for (var chunk : chunks) {
                try {
                    walk(channel, chunk, row, pages);
                } catch (IOException | RuntimeException e) {
                    faults.accept(ParquetFile.damaged(path, e).getMessage());
                }
                row += chunk.rows;
            }
        } catch (IOException e) {
            throw ParquetFile.damaged(path, e);
        }
        return pages;
    }

    private void walk(FileChannel channel, Chunk chunk, long firstRow, List<Page> pages) throws IOException {
        long place = chunk.start;
        long dictionary = -1;
        long row = firstRow;
        while (row < firstRow + chunk.rows) {
            var stored = header(channel, place);
            var header = stored.header;
            if (header.getType() == PageType.DICTIONARY_PAGE) {
                dictionary = place;
            } else if (header.getType() == PageType.DATA_PAGE || header.getType() == PageType.DATA_PAGE_V2) {
                int rows = values(header);
                if (rows < 0 || rows > firstRow + chunk.rows - row) {
                    throw new IOException(
                            "a page has %d rows where %d are left".formatted(rows, firstRow + chunk.rows - row));
                }
                pages.add(new Page(row, rows, place, header.getUncompressed_page_size(), dictionary));
                row += rows;
            }
            place = stored.content + header.getCompressed_page_size();
        }
    }

    private static int values(PageHeader header) {
        return header.getType() == PageType.DATA_PAGE
                ? header.getData_page_header().getNum_values()
                : header.getData_page_header_v2().getNum_values();
    }

    /** @param content where the page's own bytes begin */
    private record Stored(PageHeader header, long content) {}

    private Stored header(FileChannel channel, long place) throws IOException {
        var in = new FileWindow(channel, place, HEADER);
        var header = Util.readPageHeader(in);
        long left = in.size() - in.position();
        long most = GROWTH * header.getCompressed_page_size() + GROWTH_FREE;
        if (header.getCompressed_page_size() < 0 || header.getCompressed_page_size() > left) {
            throw new IOException(
                    "a page claims %d bytes where %d are left".formatted(header.getCompressed_page_size(), left));
        }
        if (header.getUncompressed_page_size() < 0 || header.getUncompressed_page_size() > most) {
            throw new IOException("a page grows from %d bytes to %d: it is made to exhaust memory"
                    .formatted(header.getCompressed_page_size(), header.getUncompressed_page_size()));
        }
        return new Stored(header, in.position());
    }

    // -------------------------------------------------------------------------------------------------------- values

    /** The byte strings of a page, one a row, empty where it is null. */
    public List<Optional<byte[]>> binaries(Page page) {
        var values = new ArrayList<Optional<byte[]>>(page.rows);
        read(
                page,
                (reader, defined) ->
                        values.add(defined ? Optional.of(reader.getBinary().getBytes()) : Optional.empty()));
        return values;
    }

    /** The whole numbers of a page, one a row. */
    public long[] integers(Page page, long ifNull) {
        var values = new long[page.rows];
        boolean wide = descriptor.getPrimitiveType().getPrimitiveTypeName() == PrimitiveTypeName.INT64;
        var at = new int[1];
        read(
                page,
                (reader, defined) ->
                        values[at[0]++] = !defined ? ifNull : wide ? reader.getLong() : reader.getInteger());
        return values;
    }

    private interface Sink {
        void accept(ColumnReaderImpl reader, boolean defined);
    }

    private void read(Page page, Sink sink) {
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            var dictionary = page.dictionary < 0 ? null : dictionary(channel, page);
            var reader = new ColumnReaderImpl(
                    descriptor, new OnePage(dictionary, data(channel, page)), new PrimitiveConverter() {}, null);
            for (int i = 0; i < page.rows; i++) {
                sink.accept(reader, reader.getCurrentDefinitionLevel() == descriptor.getMaxDefinitionLevel());
                reader.consume();
            }
        } catch (VitrailException e) {
            throw e;
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            throw ParquetFile.damaged(path, e);
        }
    }

    /** parquet-column asks for page after page; here it gets one. */
    private static final class OnePage implements PageReader {
        private final @Nullable DictionaryPage dictionary;
        private @Nullable DataPage data;
        private final long values;

        OnePage(@Nullable DictionaryPage dictionary, DataPage data) {
            this.dictionary = dictionary;
            this.data = data;
            values = data.getValueCount();
        }

        @Override
        public @Nullable DictionaryPage readDictionaryPage() {
            return dictionary;
        }

        @Override
        public long getTotalValueCount() {
            return values;
        }

        @Override
        public @Nullable DataPage readPage() {
            var page = data;
            data = null;
            return page;
        }
    }

    private Chunk chunkOf(Page page) {
        long row = 0;
        for (var chunk : chunks) {
            row += chunk.rows;
            if (page.firstRow < row) {
                return chunk;
            }
        }
        throw new IllegalArgumentException("the page is not one of this column's");
    }

    private DictionaryPage dictionary(FileChannel channel, Page page) throws IOException {
        var stored = header(channel, page.dictionary);
        var header = stored.header.getDictionary_page_header();
        var bytes = content(channel, stored, 0, true, page);
        return new DictionaryPage(BytesInput.from(bytes), header.getNum_values(), encoding(header.getEncoding()));
    }

    private DataPage data(FileChannel channel, Page page) throws IOException {
        var stored = header(channel, page.place);
        if (stored.header.getType() == PageType.DATA_PAGE) {
            var header = stored.header.getData_page_header();
            var bytes = content(channel, stored, 0, true, page);
            return new DataPageV1(
                    BytesInput.from(bytes),
                    header.getNum_values(),
                    bytes.length,
                    null,
                    encoding(header.getRepetition_level_encoding()),
                    encoding(header.getDefinition_level_encoding()),
                    encoding(header.getEncoding()));
        }
        // Version 2 keeps the levels before the values, never compressed.
        var header = stored.header.getData_page_header_v2();
        int repetition = header.getRepetition_levels_byte_length();
        int definition = header.getDefinition_levels_byte_length();
        if (repetition < 0
                || definition < 0
                || (long) repetition + definition > stored.header.getCompressed_page_size()) {
            throw new IOException("a page has levels longer than itself");
        }
        var levels = FileWindow.bytes(channel, stored.content, repetition + definition);
        var bytes =
                content(channel, stored, levels.length, !header.isSetIs_compressed() || header.isIs_compressed(), page);
        return DataPageV2.uncompressed(
                header.getNum_rows(),
                header.getNum_nulls(),
                header.getNum_values(),
                BytesInput.from(levels, 0, repetition),
                BytesInput.from(levels, repetition, definition),
                encoding(header.getEncoding()),
                BytesInput.from(bytes),
                null);
    }

    private static Encoding encoding(org.apache.parquet.format.Encoding encoding) {
        return Encoding.valueOf(encoding.name());
    }

    /** A page's bytes after the first {@code skipped}, decompressed. */
    private byte[] content(FileChannel channel, Stored stored, int skipped, boolean compressed, Page page)
            throws IOException {
        var header = stored.header;
        var bytes = FileWindow.bytes(channel, stored.content + skipped, header.getCompressed_page_size() - skipped);
        var codec = compressed ? chunkOf(page).codec : "UNCOMPRESSED";
        return Codec.of(codec, path).decompress(bytes, header.getUncompressed_page_size() - skipped);
    }
}
