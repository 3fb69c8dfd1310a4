package dev.vitrail.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The entries of a zip archive, as PyTorch and numpy write them: stored or deflated, with the 64-bit extensions.
 *
 * <p>The JDK's own reader would do for well-meant files; this one maps stored entries without copying and refuses what
 * a hostile file might try: a local header that contradicts the central directory, entries that overlap, two entries of
 * one name, sizes that the archive cannot hold, and deflated data that grows beyond what the archive's size justifies.
 * Entry names are keys of a map and nothing more.
 *
 * @see <a href="https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT">PKWARE's APPNOTE.TXT</a>
 */
public final class ZipEntries {
    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int END_64 = 0x06064b50;
    private static final int LOCATOR_64 = 0x07064b50;
    private static final int ENCRYPTED = 1;
    private static final int STORED = 0;
    private static final int DEFLATED = 8;

    /** The most that one byte of deflate can grow to; anything beyond is a false declaration. */
    private static final int DEFLATE_LIMIT = 1032;

    /** All deflated entries together may grow to this many times the archive, plus {@link #INFLATED_FREE}. */
    private static final long INFLATED_RATIO = 64;

    private static final long INFLATED_FREE = 64L << 20;

    private static final long DESCRIBED_RATIO = 16;

    private static final long DESCRIBED_FREE = 8L << 20;

    /** Bytes on the heap of an entry of the directory, its name aside. */
    private static final int ENTRY_BYTES = 256;

    private record Entry(String name, int method, long crc, long compressed, long size, long dataStart) {}

    private final ByteSource source;
    private final FormatErrors faults;
    private final Map<String, Entry> entries;
    private long inflated;

    private ZipEntries(ByteSource source, Map<String, Entry> entries) {
        this.source = source;
        this.faults = faults(source);
        this.entries = entries;
    }

    private static FormatErrors faults(ByteSource source) {
        return new FormatErrors(source.name() + " is not a sound zip archive");
    }

    /** Returns whether the bytes begin like a zip archive with at least one entry. */
    public static boolean looksLikeZip(ByteSource source) {
        return source.size() >= 4 && source.slice(0, 4).getInt() == LOCAL;
    }

    /** Reads and checks the archive's directory. */
    public static ZipEntries of(ByteSource source) {
        return new ZipEntries(source, new Directory(source).read());
    }

    /** Entry names in the directory's order. */
    public Set<String> names() {
        return entries.keySet();
    }

    /**
     * An entry's content, of which direct memory begins at a multiple of {@code unit}: a view of the source where it is
     * stored, a copy where it is deflated.
     *
     * @param verify whether to compare the checksum; PyTorch may write archives without a true one
     */
    public ByteBuffer content(String name, int unit, boolean verify) {
        var entry = entries.get(name);
        if (entry == null) {
            throw faults.of("it holds no entry %s, so it is incomplete", name);
        }
        var content = entry.method == STORED ? source.aligned(entry.dataStart, entry.size, unit) : inflate(entry);
        if (verify) {
            var crc = new CRC32();
            crc.update(content.duplicate());
            faults.require(crc.getValue() == entry.crc, "entry %s does not match its checksum", name);
        }
        return content;
    }

    /**
     * The content of an entry that describes others, as a pickle does: one that is deflated grows no more than
     * descriptions do, which repeat themselves less than tensors may.
     */
    public ByteBuffer described(String name) {
        var entry = entries.get(name);
        long most = DESCRIBED_FREE + DESCRIBED_RATIO * source.size();
        faults.require(
                entry == null || entry.method == STORED || entry.size <= most,
                "entry %s grows to more than %d bytes, from a file of %d: it is made to exhaust memory",
                name,
                most,
                source.size());
        return content(name, 1, false);
    }

    private ByteBuffer inflate(Entry entry) {
        faults.require(
                entry.size <= Math.min(entry.compressed * DEFLATE_LIMIT, Integer.MAX_VALUE),
                "entry %s claims to grow from %d to %d bytes, more than deflate can",
                entry.name,
                entry.compressed,
                entry.size);
        inflated += entry.size;
        faults.require(
                inflated <= INFLATED_FREE + source.size() * INFLATED_RATIO,
                "its entries grow to over %d bytes from a file of %d: it is made to exhaust memory",
                INFLATED_FREE + source.size() * INFLATED_RATIO,
                source.size());
        var out = ByteBuffer.allocateDirect((int) entry.size).order(ByteOrder.LITTLE_ENDIAN);
        var inflater = new Inflater(true);
        try {
            inflater.setInput(source.slice(entry.dataStart, entry.compressed));
            while (out.hasRemaining() && inflater.inflate(out) > 0) {
                // inflates as far as the input goes
            }
            // A last call without room notices whether the stream ends here, as it should.
            boolean ends = !out.hasRemaining() && inflater.inflate(new byte[1]) == 0 && inflater.finished();
            faults.require(ends && inflater.getRemaining() == 0, "entry %s does not inflate to its size", entry.name);
        } catch (DataFormatException e) {
            throw faults.of(e, "entry %s cannot be inflated (%s)", entry.name, String.valueOf(e.getMessage()));
        } finally {
            inflater.end();
        }
        return out.flip();
    }

    /** The walk from the end record over the central directory to every local header. */
    private static final class Directory {
        private static final int END_BYTES = 22;

        private final ByteSource source;
        private final FormatErrors faults;

        Directory(ByteSource source) {
            this.source = source;
            this.faults = faults(source);
        }

        Map<String, Entry> read() {
            long end = findEnd();
            var record = source.slice(end, END_BYTES);
            long count = Short.toUnsignedLong(record.getShort(10));
            long bytes = Integer.toUnsignedLong(record.getInt(12));
            long start = Integer.toUnsignedLong(record.getInt(16));
            long limit = end;
            if (end >= 20 && source.slice(end - 20, 4).getInt() == LOCATOR_64) {
                limit = source.slice(end - 20 + 8, 8).getLong();
                faults.require(limit >= 0 && limit <= end - 20 - 56, "its 64-bit end record is not where it should be");
                var wide = source.slice(limit, 56);
                faults.require(wide.getInt(0) == END_64, "its 64-bit end record is damaged");
                count = wide.getLong(32);
                bytes = wide.getLong(40);
                start = wide.getLong(48);
            }
            faults.require(
                    start >= 0 && bytes >= 0 && start <= limit && bytes == limit - start,
                    "its directory does not lie just before its end");
            faults.require(count >= 0 && count <= bytes / 46, "it claims more entries than its directory can hold");
            return entries(start, bytes, count);
        }

        private long findEnd() {
            long from = Math.max(0, source.size() - END_BYTES - 0xffff);
            faults.require(source.size() >= END_BYTES, "it is too short");
            var tail = source.slice(from, source.size() - from);
            for (int at = tail.limit() - END_BYTES; at >= 0; at--) {
                int comment = tail.limit() - END_BYTES - at;
                if (tail.getInt(at) == END && Short.toUnsignedInt(tail.getShort(at + 20)) == comment) {
                    return from + at;
                }
            }
            throw faults.of("it has no end, so it is cut short");
        }

        private Map<String, Entry> entries(long start, long bytes, long count) {
            var entries = new LinkedHashMap<String, Entry>();
            var directory = source.slice(start, bytes);
            var extents = new ArrayList<long[]>();
            var allowance = Allowance.of(source);
            for (long i = 0; i < count; i++) {
                allowance.charge(ENTRY_BYTES);
                var entry = central(directory, start, extents);
                allowance.charge(2L * entry.name.length());
                faults.require(entries.put(entry.name, entry) == null, "two entries are named %s", entry.name);
            }
            faults.require(!directory.hasRemaining(), "its directory holds more than its entries");
            requireDisjoint(extents);
            return entries;
        }

        /** Reads one entry and moves {@code directory} behind it. */
        private Entry central(ByteBuffer directory, long start, List<long[]> extents) {
            int at = directory.position();
            faults.require(directory.remaining() >= 46 && directory.getInt(at) == CENTRAL, "its directory is damaged");
            int nameBytes = Short.toUnsignedInt(directory.getShort(at + 28));
            int extraBytes = Short.toUnsignedInt(directory.getShort(at + 30));
            int commentBytes = Short.toUnsignedInt(directory.getShort(at + 32));
            faults.require(
                    directory.remaining() >= 46 + nameBytes + extraBytes + commentBytes, "its directory is cut short");
            String name = StandardCharsets.UTF_8
                    .decode(directory.slice(at + 46, nameBytes))
                    .toString();
            int flags = directory.getShort(at + 8);
            int method = Short.toUnsignedInt(directory.getShort(at + 10));
            var extra = directory.slice(at + 46 + nameBytes, extraBytes).order(ByteOrder.LITTLE_ENDIAN);
            var wide = wide(extra);
            long size = widened(directory.getInt(at + 24), wide);
            long compressed = widened(directory.getInt(at + 20), wide);
            long local = widened(directory.getInt(at + 42), wide);
            directory.position(at + 46 + nameBytes + extraBytes + commentBytes);

            faults.require((flags & ENCRYPTED) == 0, "entry %s is encrypted", name);
            faults.require(
                    method == STORED || method == DEFLATED,
                    "entry %s is compressed by method %d; stored and deflated entries are supported",
                    name,
                    method);
            faults.require(method != STORED || size == compressed, "entry %s is stored with two sizes", name);
            faults.require(size >= 0 && compressed >= 0 && local >= 0, "entry %s has an impossible size", name);
            faults.require(local <= start - 30, "entry %s lies outside the archive", name);
            var header = source.slice(local, 30);
            faults.require(
                    header.getInt(0) == LOCAL
                            && Short.toUnsignedInt(header.getShort(8)) == method
                            && Short.toUnsignedInt(header.getShort(26)) == nameBytes,
                    "entry %s is described differently in its two headers",
                    name);
            long dataStart = local + 30 + nameBytes + Short.toUnsignedInt(header.getShort(28));
            faults.require(
                    dataStart <= start && compressed <= start - dataStart, "entry %s reaches beyond the archive", name);
            faults.require(
                    source.slice(local + 30, nameBytes).equals(directory.slice(at + 46, nameBytes)),
                    "entry %s is named differently in its two headers",
                    name);
            long crc = Integer.toUnsignedLong(directory.getInt(at + 16));
            extents.add(new long[] {local, dataStart + compressed});
            return new Entry(name, method, crc, compressed, size, dataStart);
        }

        /** The 64-bit values of the extra field with tag 1, in the order in which they stand in for 32-bit ones. */
        private ByteBuffer wide(ByteBuffer extra) {
            while (extra.remaining() >= 4) {
                int tag = Short.toUnsignedInt(extra.getShort());
                int length = Short.toUnsignedInt(extra.getShort());
                if (length > extra.remaining()) {
                    break;
                }
                if (tag == 1) {
                    return extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
                }
                extra.position(extra.position() + length);
            }
            return ByteBuffer.allocate(0);
        }

        private long widened(int value, ByteBuffer wide) {
            if (value != -1) {
                return Integer.toUnsignedLong(value);
            }
            faults.require(wide.remaining() >= 8, "a 64-bit size is missing");
            return wide.getLong();
        }

        private void requireDisjoint(List<long[]> extents) {
            extents.sort(Comparator.comparingLong(extent -> extent[0]));
            long reached = 0;
            for (var extent : extents) {
                faults.require(extent[0] >= reached, "two entries overlap");
                reached = extent[1];
            }
        }
    }
}
