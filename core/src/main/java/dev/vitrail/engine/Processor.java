package dev.vitrail.engine;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The processor as the operating system describes it.
 *
 * @param name its model name; empty where the system does not say
 * @param vendor {@code GenuineIntel}, {@code AuthenticAMD}, …; empty where the system does not say
 * @param features names of instruction set extensions as Linux spells them ({@code avx2},
 *     {@code avx512f}); empty elsewhere
 * @param caches data and unified caches that one core sees, from the smallest level on; empty where none are visible
 */
public record Processor(String name, String vendor, Set<String> features, List<Cache> caches) {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");

    /**
     * A cache.
     *
     * @param level 1, 2 or 3
     * @param bytes its size
     */
    public record Cache(int level, long bytes) {}

    public Processor {
        features = Set.copyOf(features);
        caches = List.copyOf(caches);
    }

    /** Reads the description of this machine's processor; takes about a millisecond. */
    public static Processor read() {
        if (Platform.isLinux()) {
            return readLinux(CPU_INFO, CACHES);
        }
        if (Platform.isWindows()) {
            return new Processor(
                    Optional.ofNullable(System.getenv("PROCESSOR_IDENTIFIER")).orElse(""),
                    "",
                    Set.of(),
                    Windows.caches());
        }
        return Platform.isMac() ? Mac.read() : new Processor("", "", Set.of(), List.of());
    }

    /**
     * Returns whether the cache sizes that programs ask the processor for are hidden. Libraries that block their loops
     * by these sizes then compute with sizes of almost nothing. Some virtual machines hide them: Linux then has no
     * cache folders; where it has them from older AMD leaves, the feature {@code topoext}, which announces the leaf
     * that libraries read, is missing.
     */
    public boolean hidesCaches() {
        boolean oldLeavesAlone = vendor.equals("AuthenticAMD") && !features.isEmpty() && !features.contains("topoext");
        return caches.isEmpty() || oldLeavesAlone;
    }

    /**
     * The widest vector instructions: {@code AVX-512}, {@code AVX2}, {@code AVX}, or empty where the system
     * does not say.
     */
    public String widestVectors() {
        if (features.contains("avx512f")) {
            return "AVX-512";
        }
        return features.contains("avx2") ? "AVX2" : features.contains("avx") ? "AVX" : "";
    }

    static Processor readLinux(Path cpuInfo, Path cacheFolder) {
        var text = text(cpuInfo);
        var caches = new ArrayList<Cache>();
        for (int i = 0; Files.isDirectory(cacheFolder.resolve("index" + i)); i++) {
            var folder = cacheFolder.resolve("index" + i);
            var level = text(folder.resolve("level")).strip();
            long bytes = bytes(text(folder.resolve("size")).strip());
            if (!text(folder.resolve("type")).strip().equals("Instruction") && level.matches("\\d") && bytes > 0) {
                caches.add(new Cache(Integer.parseInt(level), bytes));
            }
        }
        return new Processor(
                field(text, "model name"),
                field(text, "vendor_id"),
                new TreeSet<>(List.of(field(text, "flags").split(" "))),
                caches);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }

    private static String field(String cpuInfo, String name) {
        var found = Pattern.compile("(?m)^" + name + "[ \\t]*:[ \\t]*(.*)$").matcher(cpuInfo);
        return found.find() ? found.group(1).strip() : "";
    }

    /** Bytes of a size such as {@code 32K} or {@code 1M}; 0 for anything else. */
    private static long bytes(String size) {
        if (!size.matches("\\d{1,9}[KMG]")) {
            return 0;
        }
        long number = Long.parseLong(size.substring(0, size.length() - 1));
        return number << 10 * (1 + "KMG".indexOf(size.charAt(size.length() - 1)));
    }

    /** Windows: {@code GetLogicalProcessorInformationEx}. */
    private static final class Windows {
        private static final int RELATION_CACHE = 2;
        /** Offsets in SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX with a CACHE_RELATIONSHIP (winnt.h). */
        private static final int SIZE = 4, LEVEL = 8, CACHE_BYTES = 12, TYPE = 16;

        private static final int INSTRUCTION = 1;

        private Windows() {}

        private interface Kernel32 extends Library {
            boolean GetLogicalProcessorInformationEx(int relation, Pointer buffer, IntByReference length);
        }

        static List<Cache> caches() {
            var caches = new TreeSet<Cache>((a, b) -> Integer.compare(a.level(), b.level()));
            try {
                var kernel = Native.load("kernel32", Kernel32.class);
                var length = new IntByReference(0);
                kernel.GetLogicalProcessorInformationEx(RELATION_CACHE, Pointer.NULL, length);
                if (length.getValue() <= 0) {
                    return List.of();
                }
                try (var buffer = new Memory(length.getValue())) {
                    if (!kernel.GetLogicalProcessorInformationEx(RELATION_CACHE, buffer, length)) {
                        return List.of();
                    }
                    for (int at = 0; at < length.getValue(); at += buffer.getInt(at + SIZE)) {
                        if (buffer.getInt(at + TYPE) != INSTRUCTION) {
                            caches.add(new Cache(buffer.getByte(at + LEVEL), buffer.getInt(at + CACHE_BYTES)));
                        }
                    }
                }
            } catch (UnsatisfiedLinkError e) {
                return List.of();
            }
            return List.copyOf(caches);
        }
    }

    /** macOS: {@code sysctlbyname}. */
    private static final class Mac {
        private Mac() {}

        private interface System extends Library {
            int sysctlbyname(String name, Pointer value, LongByReference length, Pointer newValue, long newLength);
        }

        static Processor read() {
            var system = Native.load(Platform.C_LIBRARY_NAME, System.class);
            var caches = new ArrayList<Cache>();
            for (int level = 1; level <= 3; level++) {
                var value = value(system, level == 1 ? "hw.l1dcachesize" : "hw.l" + level + "cachesize");
                if (value.length == Long.BYTES) {
                    long bytes = java.nio.ByteBuffer.wrap(value)
                            .order(java.nio.ByteOrder.nativeOrder())
                            .getLong();
                    if (bytes > 0) {
                        caches.add(new Cache(level, bytes));
                    }
                }
            }
            var name = new String(value(system, "machdep.cpu.brand_string"), StandardCharsets.UTF_8);
            return new Processor(name.replace("\0", ""), "", Set.of(), caches);
        }

        private static byte[] value(System system, String name) {
            try (var buffer = new Memory(256)) {
                var length = new LongByReference(buffer.size());
                return system.sysctlbyname(name, buffer, length, Pointer.NULL, 0) == 0
                        ? buffer.getByteArray(0, (int) length.getValue())
                        : new byte[0];
            }
        }
    }
}
