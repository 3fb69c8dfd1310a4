package dev.vitrail.engine;

import com.sun.jna.NativeLibrary;

/**
 * Loads the natives ahead of need, for a program whose whole process is its own, such as a command.
 *
 * <p>Opening libtorch takes longer than all else that a command does before its first result. Begun first and on a
 * thread of its own, it goes on while options are parsed and files are read.
 *
 * <p>A thread that loads classes while another does can deadlock with it, where each waits for a class that the other
 * initializes. So no class initializer of ours loads the natives, and no class of JavaCPP's is touched before
 * {@link Natives#load} has returned.
 */
public final class Startup {
    private static volatile boolean processOurs;

    private Startup() {}

    /**
     * Begins to load the natives. What fails is told to the first who needs them. To be called once, by a
     * program that uses JavaCPP for nothing else and whose logging is set up: JavaCPP loads no other library in
     * this process afterwards.
     */
    public static void begin() {
        processOurs = true;
        var loading = new Thread(Natives::loadEarly, "vitrail-start");
        loading.setDaemon(true);
        loading.start();
        // A process that ends while a library is being opened would take apart what is not yet put together.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> await(loading), "vitrail-start-ends"));
    }

    /**
     * Ends the process at once, without its shutdown hooks and the destructors of libraries, whatever its threads are
     * doing: for one that cannot end in order.
     */
    public static void leave(int status) {
        try {
            NativeLibrary.getProcess().getFunction("_exit").invokeVoid(new Object[] {status});
        } catch (UnsatisfiedLinkError e) {
            Runtime.getRuntime().halt(status); // where the C library has no such function
        }
    }

    /** Returns whether {@link #begin} was called. */
    static boolean isProcessOurs() {
        return processOurs;
    }

    private static void await(Thread loading) {
        try {
            loading.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
