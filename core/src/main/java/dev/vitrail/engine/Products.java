package dev.vitrail.engine;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which library computes matrix products and convolutions, once a process: oneDNN, which is part of libtorch,
 * or the BLAS.
 *
 * <p>oneDNN's fastest kernels block their loops by the cache sizes that the processor reports. Where a virtual
 * machine hides these, the kernels give wrong numbers and write outside their buffers (see docs/adr/0018). So oneDNN
 * is held to instructions without those kernels there, before it starts, and linear layers go to the BLAS. After the
 * start a {@link Canary} compares a few products and convolutions with sums made in Java; where one differs, oneDNN
 * is switched off.
 *
 * <p>The system property {@code vitrail.products} ({@code auto}, {@code onednn} or {@code blas}) forces a choice.
 */
public final class Products {
    private static final Logger LOG = LoggerFactory.getLogger(Products.class);

    /** The newest instructions for which oneDNN has no BRGEMM kernels. */
    private static final String WITHOUT_BRGEMM = "AVX";

    private static final String ONEDNN_LIMIT = "ONEDNN_MAX_CPU_ISA";

    private static final String PROPERTY = "vitrail.products";

    /** Libraries that compute linear layers. */
    public enum Backend {
        ONEDNN("oneDNN"),
        BLAS("BLAS");

        private final String shown;

        Backend(String shown) {
            this.shown = shown;
        }

        @Override
        public String toString() {
            return shown;
        }
    }

    /**
     * The choice of a library for linear layers.
     *
     * @param backend of linear layers
     * @param trainsOnBlas whether linear layers that are trained go to the BLAS, since it is faster there
     * @param reason why, as a sentence
     */
    public record Choice(Backend backend, boolean trainsOnBlas, String reason) {}

    /** The comparison after the start; a test may put a failure in its place. */
    static Supplier<Optional<String>> canary = Canary::failure;

    private static volatile Processor processor = new Processor("", "", Set.of(), List.of());
    private static volatile Choice choice = new Choice(Backend.BLAS, true, "not decided yet");
    private static volatile Optional<String> oneDnnLimit = Optional.empty();
    private static volatile Optional<String> canaryFailure = Optional.empty();

    /** The verification that was deferred, until it is known to be over. */
    private static volatile @Nullable FutureTask<?> verification;

    private static volatile @Nullable Thread verifier;

    private Products() {}

    /** The choice for this process. */
    public static Choice choice() {
        Natives.load();
        return present();
    }

    /** The error that the canary found; empty where all was right. */
    public static Optional<String> canaryFailure() {
        Natives.load();
        awaitVerification();
        return canaryFailure;
    }

    /** The choice once the natives have loaded; waits until it is verified, unless this thread verifies it. */
    static Choice present() {
        awaitVerification();
        return choice;
    }

    /** Decides before the natives load; gives the environment variables that they need for it. */
    static Map<String, String> prepare() {
        processor = Processor.read();
        choice = decide(System.getProperty(PROPERTY, "auto"), processor);
        boolean restrained = choice.backend == Backend.BLAS && Platform.isIntel() && Platform.is64Bit();
        oneDnnLimit = Optional.ofNullable(System.getenv(ONEDNN_LIMIT))
                .or(() -> restrained ? Optional.of(WITHOUT_BRGEMM) : Optional.empty());
        return restrained ? Map.of(ONEDNN_LIMIT, WITHOUT_BRGEMM) : Map.of();
    }

    static Choice decide(String property, Processor processor) {
        return switch (property) {
            case "onednn" -> new Choice(Backend.ONEDNN, false, "vitrail.products is onednn");
            case "blas" -> new Choice(Backend.BLAS, true, "vitrail.products is blas");
            case "auto" ->
                processor.hidesCaches()
                        ? new Choice(
                                Backend.BLAS,
                                true,
                                "the processor's cache sizes are hidden, and oneDNN computes wrong results without"
                                        + " them")
                        : new Choice(Backend.ONEDNN, false, "the processor shows its cache sizes");
            default -> throw VitrailException.of("%s is '%s': expected auto, onednn or blas", PROPERTY, property);
        };
    }

    /**
     * Lets the choice be verified later, by {@link #verifyAhead} on this thread, while others read weights: whoever
     * multiplies waits for it.
     */
    static void deferVerification() {
        verifier = Thread.currentThread();
        verification = new FutureTask<>(Products::verify, null);
    }

    /** Verifies the choice if that was deferred. */
    static void verifyAhead() {
        var task = verification;
        if (task != null) {
            task.run();
        }
    }

    private static void awaitVerification() {
        var task = verification;
        if (task == null || Thread.currentThread() == verifier) {
            return;
        }
        boolean interrupted = false;
        while (true) {
            try {
                task.get();
                verification = null;
                break;
            } catch (InterruptedException e) {
                interrupted = true; // what follows must not compute by an unverified choice
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException failure) {
                    throw failure;
                }
                throw new IllegalStateException(e.getCause());
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Completes the choice after the natives have loaded, and checks it. */
    static void verify() {
        if (choice.backend == Backend.ONEDNN && !"onednn".equals(System.getProperty(PROPERTY))) {
            choice = new Choice(choice.backend, trainsFasterOnBlas(), choice.reason);
        }
        canaryFailure = canary.get();
        canaryFailure.ifPresent(Products::retreat);
        LOG.debug("linear layers run on {}, since {}", choice.backend, choice.reason);
    }

    /**
     * Returns whether the BLAS beats oneDNN's convolution in training: it does where both use the processor's widest
     * vectors, or none wider than AVX2, for which oneDNN's backward convolutions copy their operands into another
     * layout (measured; see docs/adr/0018).
     */
    private static boolean trainsFasterOnBlas() {
        boolean wide = processor.widestVectors().equals("AVX-512");
        var core = blasCore().toLowerCase(Locale.ROOT);
        return !wide || core.startsWith("skylakex") || core.startsWith("cooperlake") || core.startsWith("sapphire");
    }

    /** The processor that OpenBLAS has its kernels for; empty where another BLAS is in use. */
    static String blasCore() {
        return openBlas("openblas_get_corename").orElse("");
    }

    /** The BLAS in use, with its version and options. */
    static String blas() {
        return openBlas("openblas_get_config").orElse(torch.hasMKL() ? "MKL" : "unknown");
    }

    private static Optional<String> openBlas(String function) {
        try {
            return NativeLibraries.openBlas().map(path -> NativeLibrary.getInstance(path.toString())
                    .getFunction(function)
                    .invokeString(new Object[0], false)
                    .strip());
        } catch (UnsatisfiedLinkError e) {
            return Optional.empty();
        }
    }

    /** The newest instructions that oneDNN may use; empty where it may use all. */
    static Optional<String> oneDnnLimit() {
        return oneDnnLimit;
    }

    private static void retreat(String failure) {
        torch.globalContext().setUserEnabledMkldnn(false);
        choice = new Choice(Backend.BLAS, true, "oneDNN computes wrong results here: " + failure);
        LOG.warn(
                "oneDNN computes wrong results on this machine ({}): linear layers use the BLAS and convolutions"
                        + " libtorch's own loops instead; 'vitrail system --full' shows more",
                failure);
        Canary.failure().ifPresent(still -> {
            throw VitrailException.of(
                    "this machine computes wrong results without oneDNN too (%s): report it with the output of 'vitrail"
                            + " system'",
                    still);
        });
    }
}
