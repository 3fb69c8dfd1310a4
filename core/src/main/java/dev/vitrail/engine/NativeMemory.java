package dev.vitrail.engine;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The memory beside the heap. */
public final class NativeMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Pattern RESIDENT = Pattern.compile("(?m)^VmRSS:\\s+(\\d+) kB");

    /**
     * Each mapping begins with its addresses and ends with its file; below it stands how much of it is
     * in physical memory.
     */
    private static final Path MAPPINGS = Path.of("/proc/self/smaps");

    private static final Pattern MAPPING = Pattern.compile("^[0-9a-f]+-[0-9a-f]+ ");
    private static final Pattern MAPPED = Pattern.compile("^Rss:\\s+(\\d+) kB");

    private static final Path MACHINE = Path.of("/proc/meminfo");
    private static final Pattern TOTAL = Pattern.compile("(?m)^MemTotal:\\s+(\\d+) kB");
    private static final Pattern AVAILABLE = Pattern.compile("(?m)^MemAvailable:\\s+(\\d+) kB");
    /** Statistics of a container's memory: of version 2 of control groups, and of version 1. */
    private static final Path CONTAINER = Path.of("/sys/fs/cgroup/memory.stat"),
            CONTAINER_BEFORE = Path.of("/sys/fs/cgroup/memory/memory.stat");

    private static final Pattern OF_FILES = Pattern.compile("(?m)^(?:total_)?inactive_file (\\d+)");

    /** {@code MADV_DONTNEED} of Linux. */
    private static final int NOT_NEEDED = 4;

    /** A multiple of every size of page. */
    private static final long PAGES = 1 << 16;

    private NativeMemory() {}

    /**
     * Takes the pages of a file that is mapped read-only out of this process's memory, where the system is Linux: else
     * they count as its own for as long as the mapping lives. Reading them again reads them from the file again.
     *
     * @param mapped from {@link java.nio.channels.FileChannel#map} and not from anywhere else: other memory would lose
     *     what it holds
     */
    public static void discardPages(ByteBuffer mapped) {
        if (!Platform.isLinux()) {
            return;
        }
        long begin = Pointer.nativeValue(Native.getDirectBufferPointer(mapped));
        long from = (begin + PAGES - 1) / PAGES * PAGES, to = (begin + mapped.capacity()) / PAGES * PAGES;
        if (from < to) {
            Native.load(Platform.C_LIBRARY_NAME, Memory.class)
                    .madvise(new Pointer(from), new NativeLong(to - from), NOT_NEEDED);
        }
    }

    /** Freed bytes that are worth a walk through all that malloc holds: a millisecond or so. */
    private static final long WORTH_TRIMMING = 32L << 20;

    private static final AtomicLong FREED = new AtomicLong();

    /**
     * Notes that memory was freed which nothing will ask for again, and gives it back to the system now and then.
     * malloc is told to keep what is freed, for the next layer's activations ({@link Natives}); with glibc alone it can
     * be asked for it.
     */
    public static void freedForGood(long bytes) {
        if (FREED.addAndGet(bytes) >= WORTH_TRIMMING) {
            trim();
        }
    }

    /** Gives what malloc keeps of freed memory back to the system, where that is possible: with glibc alone. */
    public static void trim() {
        if (Platform.isLinux() && Natives.has("malloc_trim")) {
            FREED.set(0);
            Native.load(Platform.C_LIBRARY_NAME, Memory.class).malloc_trim(new NativeLong(0));
        }
    }

    private interface Memory extends Library {
        int malloc_trim(NativeLong kept);

        int madvise(Pointer from, NativeLong length, int advice);
    }

    /** Returns whether an exception of an operation says that memory ran out, on the machine or on a GPU. */
    public static boolean ranOut(Throwable exception) {
        var message = String.valueOf(exception.getMessage()).toLowerCase(Locale.ROOT);
        return message.contains("not enough memory")
                || message.contains("can't allocate memory")
                || message.contains("out of memory");
    }

    /** Bytes of this process that lie in physical memory, heap included; empty where the system does not say. */
    public static OptionalLong residentBytes() {
        return said(STATUS, RESIDENT, 1024);
    }

    /**
     * Bytes of the native libraries that lie in physical memory, now that they are loaded; empty where the system
     * does not say.
     */
    public static OptionalLong libraryBytes() {
        Natives.load();
        try (var lines = Files.lines(MAPPINGS)) {
            long[] bytes = {0};
            boolean[] ours = {false};
            lines.forEach(line -> {
                if (MAPPING.matcher(line).find()) {
                    ours[0] = line.contains("/org/bytedeco/");
                } else if (ours[0]) {
                    var resident = MAPPED.matcher(line);
                    bytes[0] += resident.find() ? 1024 * Long.parseLong(resident.group(1)) : 0;
                }
            });
            return OptionalLong.of(bytes[0]);
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    /** Bytes of the machine's physical memory, or of what a container has of it. */
    public static long machineBytes() {
        return system().getTotalMemorySize();
    }

    /**
     * Bytes of {@link #machineBytes} that programs may still take, what the system holds of files and would give up
     * included; empty where the system does not say, as only Linux does.
     */
    public static OptionalLong availableBytes() {
        var available = said(MACHINE, AVAILABLE, 1024);
        boolean limited = machineBytes() < said(MACHINE, TOTAL, 1024).orElse(Long.MAX_VALUE);
        if (available.isEmpty() || !limited) {
            return available;
        }
        long ofFiles = Stream.of(CONTAINER, CONTAINER_BEFORE)
                .flatMapToLong(file -> said(file, OF_FILES, 1).stream())
                .findFirst()
                .orElse(0);
        return OptionalLong.of(Math.min(available.getAsLong(), system().getFreeMemorySize() + ofFiles));
    }

    private static OperatingSystemMXBean system() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    }

    /**
     * A number that a file of the system says, times its {@code unit}; empty where there is no such file, or it may
     * not be read.
     */
    private static OptionalLong said(Path file, Pattern pattern, long unit) {
        try {
            var line = pattern.matcher(Files.readString(file));
            return line.find() ? OptionalLong.of(unit * Long.parseLong(line.group(1))) : OptionalLong.empty();
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }
}
