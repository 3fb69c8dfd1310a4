package dev.vitrail.engine;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** The memory beside the heap. */
public final class NativeMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Pattern RESIDENT = Pattern.compile("(?m)^VmRSS:\\s+(\\d+) kB");

    private static final Path MACHINE = Path.of("/proc/meminfo");
    private static final Pattern TOTAL = Pattern.compile("(?m)^MemTotal:\\s+(\\d+) kB");
    private static final Pattern AVAILABLE = Pattern.compile("(?m)^MemAvailable:\\s+(\\d+) kB");

    private NativeMemory() {}

    /** Whether an exception of an operation says that memory ran out, on the machine or on a GPU. */
    public static boolean ranOut(Throwable exception) {
        var message = String.valueOf(exception.getMessage()).toLowerCase(Locale.ROOT);
        return message.contains("not enough memory")
                || message.contains("can't allocate memory")
                || message.contains("out of memory");
    }

    /** Bytes of this process that lie in physical memory, heap included; empty where the system does not say. */
    public static OptionalLong residentBytes() {
        return said(STATUS, RESIDENT);
    }

    /** Bytes of the machine's physical memory, or of what a container has of it. */
    public static long machineBytes() {
        return system().getTotalMemorySize();
    }

    /**
     * Bytes of {@link #machineBytes} that programs may still take. On Linux they include what the system holds of files that were read and
     * would give up; in a container with a limit, and on other systems, they do not.
     */
    public static long availableBytes() {
        var available = said(MACHINE, AVAILABLE);
        boolean limited = machineBytes() < said(MACHINE, TOTAL).orElse(Long.MAX_VALUE);
        return limited
                ? Math.min(system().getFreeMemorySize(), available.orElse(Long.MAX_VALUE))
                : available.orElseGet(() -> system().getFreeMemorySize());
    }

    private static OperatingSystemMXBean system() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    }

    /** A number of kB that a file of the system says, in bytes. */
    private static OptionalLong said(Path file, Pattern pattern) {
        try {
            var line = pattern.matcher(Files.readString(file));
            return line.find() ? OptionalLong.of(1024 * Long.parseLong(line.group(1))) : OptionalLong.empty();
        } catch (NoSuchFileException e) {
            return OptionalLong.empty();
        } catch (IOException e) {
            throw new IllegalStateException("the system does not let a process read " + file, e);
        }
    }
}
