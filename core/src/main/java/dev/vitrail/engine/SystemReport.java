package dev.vitrail.engine;

import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * Description of the machine, of the native libraries, and of the choices made from them. A report of a fault begins
 * with it.
 *
 * @param platform operating system and Java
 * @param processor as the operating system describes it
 * @param limits what the process may use of the machine
 * @param libraries versions of the natives
 * @param environment variables of the user that the natives read, by name
 * @param products which library computes linear layers, and why
 * @param canary what the comparison at the start found wrong; empty where all was right
 * @param cuda the GPUs that libtorch finds; empty where this build of libtorch has no CUDA
 */
public record SystemReport(
        Platform platform,
        Processor processor,
        Limits limits,
        Libraries libraries,
        Map<String, String> environment,
        Products.Choice products,
        Optional<String> canary,
        Optional<Cuda> cuda) {
    private static final Pattern NATIVE_VARIABLE =
            Pattern.compile("(ATEN|CUDA|CUDNN|DNNL|GOMP|KMP|MALLOC|MKL|NCCL|OMP|ONEDNN|OPENBLAS|PYTORCH|TORCH)_\\w+"
                    + "|LD_LIBRARY_PATH|LD_PRELOAD|JAVA_TOOL_OPTIONS");

    /**
     * The operating system and Java.
     *
     * @param system its name, version and architecture
     * @param java version and vendor of the virtual machine
     */
    public record Platform(String system, String java) {}

    /**
     * Limits of the process.
     *
     * @param cores processors that the virtual machine counts, a container's limit included
     * @param cpuQuota CPU-seconds a second that a container may use; empty where there is no limit
     * @param memoryBytes the machine's memory, or a container's part
     * @param heapBytes the limit of the heap
     * @param threads of one operation
     * @param waiting how idle threads wait: the property {@code vitrail.wait}, or the default
     */
    public record Limits(
            int cores, OptionalDouble cpuQuota, long memoryBytes, long heapBytes, int threads, String waiting) {}

    /**
     * The natives.
     *
     * @param libtorch version
     * @param oneDnn version; empty where libtorch was built without it
     * @param blas which, and its version
     * @param blasKernels the processor that its kernels are for; empty where it does not say
     * @param oneDnnLimit the newest instructions that oneDNN may use; empty where it may use all
     */
    public record Libraries(
            String libtorch, String oneDnn, String blas, String blasKernels, Optional<String> oneDnnLimit) {}

    /**
     * CUDA.
     *
     * @param devices number of GPUs
     */
    public record Cuda(long devices) {}

    /** Reads all of it; starts the natives. */
    public static SystemReport read() {
        Natives.load();
        return Frame.compute(() -> {
            var build = torch.show_config().getString();
            return new SystemReport(
                    new Platform(
                            property("os.name") + " " + property("os.version") + " " + property("os.arch"),
                            property("java.version") + " " + property("java.vendor")),
                    Processor.read(),
                    present(),
                    new Libraries(
                            version("pytorch"),
                            first("oneDNN v?([\\d.]+)|MKL-DNN v?([\\d.]+)", build),
                            Products.blas(),
                            Products.blasCore(),
                            Products.oneDnnLimit()),
                    environment(System.getenv()),
                    Products.choice(),
                    Products.canaryFailure(),
                    torch.hasCUDA() ? Optional.of(new Cuda(torch.getNumGPUs())) : Optional.empty());
        });
    }

    /** Variables that change what the natives do, sorted by name. */
    static Map<String, String> environment(Map<String, String> variables) {
        var found = new TreeMap<>(variables);
        found.keySet().removeIf(name -> !NATIVE_VARIABLE.matcher(name).matches());
        return Collections.unmodifiableMap(found);
    }

    private static Limits present() {
        return new Limits(
                Runtime.getRuntime().availableProcessors(),
                CpuLimits.quota(),
                NativeMemory.machineBytes(),
                Runtime.getRuntime().maxMemory(),
                Threads.count(),
                System.getProperty("vitrail.wait", "adaptive"));
    }

    private static String property(String name) {
        return System.getProperty(name, "");
    }

    /** The version of a library of the binding: the library's, then the binding's own. */
    private static String version(String library) {
        try {
            return Optional.ofNullable(Loader.getVersion("org.bytedeco", library))
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }

    private static String first(String pattern, String text) {
        var found = Pattern.compile(pattern).matcher(text);
        return found.find() ? Optional.ofNullable(found.group(1)).orElse(found.group(2)) : "";
    }
}
