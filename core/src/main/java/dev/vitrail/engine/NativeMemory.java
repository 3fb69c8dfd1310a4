package dev.vitrail.engine;

import java.io.IOException;
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
        try {
            var line = RESIDENT.matcher(Files.readString(STATUS));
            return line.find() ? OptionalLong.of(1024 * Long.parseLong(line.group(1))) : OptionalLong.empty();
        } catch (NoSuchFileException e) {
            return OptionalLong.empty();
        } catch (IOException e) {
            throw new IllegalStateException("the system does not let a process read its own state", e);
        }
    }
}
