package dev.vitrail.engine;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Warning;
import org.bytedeco.pytorch.global.torch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps libtorch from writing to the terminal: its warnings go to the logger at debug level.
 *
 * <p>libtorch hands each warning to an object with a virtual method, of which the bindings offer no subclass, and a
 * handler that is set holds for one thread only. The one that every thread falls back to is a single object; its table
 * of virtual methods is replaced by one whose third entry, after the two destructors (Itanium C++ ABI, 2.5.2), is a
 * function of ours.
 */
final class NativeMessages {
    private static final Logger LOG = LoggerFactory.getLogger("dev.vitrail.engine.libtorch");

    /** The table and the function it points to: reachable for as long as libtorch may call them. */
    private static final Handler HANDLER = NativeMessages::log;

    private static final Memory TABLE = new Memory(3L * Native.POINTER_SIZE);

    /** The standard output stream's descriptor, and the flag of fcntl.h. */
    private static final int OUTPUT = 1, WRITE_ONLY = 1;

    /** Number of threads that have closed the standard output stream, and the descriptor of its copy. */
    private static int silent, output;

    private NativeMessages() {}

    /** Sends libtorch's warnings to the logger, and keeps NNPACK out of convolutions. */
    static void quieten() {
        // It knows few processors, and says so at every small convolution on the others; oneDNN computes them all.
        torch.globalContext().setUserEnabledNNPACK(false);
        if (Platform.isLinux() && Platform.is64Bit() && Platform.isIntel()) {
            var base = new com.sun.jna.Pointer(torch.get_warning_handler().address());
            var table = base.getPointer(0);
            TABLE.setPointer(0, table.getPointer(0));
            TABLE.setPointer(Native.POINTER_SIZE, table.getPointer(Native.POINTER_SIZE));
            TABLE.setPointer(2L * Native.POINTER_SIZE, CallbackReference.getFunctionPointer(HANDLER));
            base.setPointer(0, TABLE);
        }
    }

    /**
     * Does work of a library that greets on the standard output stream, which belongs to results; what is written there
     * meanwhile is dropped. Several threads may do such work at once.
     */
    static <T> T withoutOutput(Supplier<T> work) {
        if (!Platform.isLinux() && !Platform.isMac()) {
            return work.get();
        }
        closeOutput();
        try {
            return work.get();
        } finally {
            reopenOutput();
        }
    }

    private static synchronized void closeOutput() {
        if (silent++ == 0) {
            var c = Native.load(Platform.C_LIBRARY_NAME, Descriptors.class);
            output = c.dup(OUTPUT);
            int nowhere = c.open("/dev/null", WRITE_ONLY);
            if (output >= 0 && nowhere >= 0) {
                c.dup2(nowhere, OUTPUT);
            }
            c.close(nowhere);
        }
    }

    private static synchronized void reopenOutput() {
        if (--silent == 0 && output >= 0) {
            var c = Native.load(Platform.C_LIBRARY_NAME, Descriptors.class);
            c.dup2(output, OUTPUT);
            c.close(output);
        }
    }

    private interface Descriptors extends Library {
        int dup(int descriptor);

        int dup2(int from, int to);

        int open(String path, int flags);

        int close(int descriptor);
    }

    private static void log(com.sun.jna.Pointer handler, com.sun.jna.Pointer warning) {
        if (LOG.isDebugEnabled()) {
            LOG.debug(new Warning(new At(com.sun.jna.Pointer.nativeValue(warning)))
                    .msg()
                    .getString());
        }
    }

    @FunctionalInterface
    private interface Handler extends Callback {
        void process(com.sun.jna.Pointer handler, com.sun.jna.Pointer warning);
    }

    private static final class At extends Pointer {
        At(long address) {
            this.address = address;
        }
    }
}
