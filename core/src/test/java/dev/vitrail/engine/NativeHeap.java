package dev.vitrail.engine;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Structure;
import java.util.OptionalLong;

/** What glibc's allocator has given out and not got back, so what tensors hold, to the byte. */
public final class NativeHeap {
    private NativeHeap() {}

    /** Bytes in use; empty where the C library does not say. */
    public static OptionalLong bytesInUse() {
        try {
            var info = Native.load("c", C.class).mallinfo2();
            return OptionalLong.of(info.uordblks + info.hblkhd);
        } catch (UnsatisfiedLinkError e) {
            return OptionalLong.empty();
        }
    }

    /** The functions of the C library that are used here. */
    public interface C extends Library {
        MallInfo mallinfo2();
    }

    /** {@code struct mallinfo2}. */
    @Structure.FieldOrder({
        "arena",
        "ordblks",
        "smblks",
        "hblks",
        "hblkhd",
        "usmblks",
        "fsmblks",
        "uordblks",
        "fordblks",
        "keepcost"
    })
    public static final class MallInfo extends Structure implements Structure.ByValue {
        public long arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
    }
}
