package dev.vitrail.parquet;

import dev.vitrail.errors.VitrailException;
import io.airlift.compress.Decompressor;
import io.airlift.compress.lz4.Lz4Decompressor;
import io.airlift.compress.snappy.SnappyDecompressor;
import io.airlift.compress.zstd.ZstdDecompressor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Compression codec of pages. */
enum Codec {
    UNCOMPRESSED,
    SNAPPY,
    GZIP,
    LZ4_RAW,
    ZSTD;

    /** The codec that a file names. */
    static Codec of(String name, Path file) {
        for (var codec : values()) {
            if (codec.name().equals(name)) {
                return codec;
            }
        }
        throw VitrailException.of(
                "%s is compressed by %s, which is not supported: write it with snappy, gzip, lz4_raw or zstd",
                file, name);
    }

    /**
     * Decompresses a page.
     *
     * @param size that it must have then
     */
    byte[] decompress(byte[] bytes, int size) throws IOException {
        return switch (this) {
            case UNCOMPRESSED -> checked(bytes, bytes.length, size);
            case SNAPPY -> decompress(new SnappyDecompressor(), bytes, size);
            case LZ4_RAW -> decompress(new Lz4Decompressor(), bytes, size);
            case ZSTD -> decompress(new ZstdDecompressor(), bytes, size);
            case GZIP -> {
                try (var in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
                    var all = in.readNBytes(size);
                    yield checked(all, in.read() < 0 ? all.length : all.length + 1, size);
                }
            }
        };
    }

    private static byte[] decompress(Decompressor decompressor, byte[] bytes, int size) throws IOException {
        var result = new byte[size];
        return checked(result, decompressor.decompress(bytes, 0, bytes.length, result, 0, size), size);
    }

    private static byte[] checked(byte[] result, int found, int size) throws IOException {
        if (found != size) {
            throw new IOException("a page of %d bytes was expected, found %d".formatted(size, found));
        }
        return result;
    }
}
