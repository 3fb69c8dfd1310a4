package dev.vitrail.engine;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens libtorch's own files, and no others of the same names, in a process that may hold anything.
 *
 * <p>A library names the ones it needs without a folder ({@code libc10.so}), and the dynamic linker of Linux looks
 * for such a name among the libraries already open, then in {@code LD_LIBRARY_PATH}, and only then beside the
 * library itself (ld.so(8)). So every file is extracted first and then opened by its full path, those that others
 * need before those others: whatever is looked up by name afterwards is found open. Another libtorch on the machine
 * is then never touched.
 *
 * <p>They are opened to stay ({@code RTLD_NODELETE}, dlopen(3)): threads of OpenMP and of autograd run in them until
 * the process ends, also where the class loader that brought them is collected.
 *
 * <p>A second class loader of the same process is given the same libraries. The JVM allows a file to one class loader
 * only, told apart by its path, and JavaCPP answers that refusal by asking for the name on {@code java.library.path},
 * which may lead to another libtorch, or for a BLAS even replaces the file in the cache by a link to another. Therefore
 * a second class loader loads them through further names (hard links) of the very same files. The part that binds to
 * Java's classes is copied by JavaCPP for each class loader.
 */
final class NativeLibraries {
    private static final Logger LOG = LoggerFactory.getLogger(NativeLibraries.class);

    /** Counts the class loaders of this process that loaded the natives; system properties are what they all see. */
    private static final String LOADERS = "dev.vitrail.natives.loaders";

    private static final String IN_USE =
            "the natives of libtorch are in use by another class loader of this process (%s):"
                    + " put the library where both see it, such as the server's shared folder";

    /** Flags of dlfcn.h on Linux. */
    private static final int RTLD_LAZY = 0x1;

    private static final int RTLD_NODELETE = 0x1000;

    /** Libraries of OpenBLAS's folder that libtorch needs, each after those that it needs itself. */
    private static final List<String> BLAS = List.of("libquadmath.so.0", "libgfortran.so.5", "libopenblas.so.0");

    private static final List<String> TORCH = List.of("libgomp.so.1", "libc10.so", "libtorch_cpu.so", "libtorch.so");

    /** The library by which JavaCPP binds its own classes. */
    private static final String JAVACPP = "libjnijavacpp.so";

    /** Names by which JavaCPP knows the libraries that a process can hold only once, and their files. */
    private static final Map<String, String> BLAS_ONCE = Map.of(
            "quadmath@.0", "libquadmath.so.0",
            "gfortran@.5", "libgfortran.so.5",
            "openblas_nolapack@.0", "libopenblas_nolapack.so.0",
            "openblas@.0", "libopenblas.so.0");

    private static final Map<String, String> TORCH_ONCE = Map.of(
            "gomp@.1", "libgomp.so.1",
            "c10", "libc10.so",
            "torch_cpu", "libtorch_cpu.so",
            "torch", "libtorch.so");

    private static volatile @Nullable Path torchFolder;

    private static volatile @Nullable Path openBlas;

    private NativeLibraries() {}

    /** The OpenMP runtime that computes, where it is GNU's. */
    static Optional<Path> openMp() {
        return Optional.ofNullable(torchFolder)
                .map(folder -> folder.resolve("libgomp.so.1"))
                .filter(Files::exists);
    }

    /** OpenBLAS, where it is the BLAS in use. */
    static Optional<Path> openBlas() {
        return Optional.ofNullable(openBlas).filter(Files::exists);
    }

    /** An object that every class loader of the process shares, to load natives one class loader at a time. */
    static Object processLock() {
        return Runtime.getRuntime();
    }

    /** Loads JNA, through which the environment and the libraries are reached. */
    static void requireJna() {
        try {
            LOG.trace("JNA is up, pointers have {} bytes", Native.POINTER_SIZE);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            throw new VitrailException(
                    ("JNA's native library cannot be loaded (%s): name a folder that can be written to and executed"
                                    + " from with -Djna.tmpdir=FOLDER")
                            .formatted(oneLine(e)),
                    e);
        }
    }

    /** Extracts every library and, on Linux, opens the ones that matter by their full paths. */
    static void open(boolean mkl) {
        var blas = extract("openblas");
        var torch = extract("pytorch");
        if (!Platform.isLinux() || torch.isEmpty()) {
            return;
        }
        // MKL takes OpenBLAS's place under the same name, by links that JavaCPP makes; CUDA's libraries are for JavaCPP
        // to find as well.
        boolean plain = !mkl && !Files.exists(torch.get().resolve("libtorch_cuda.so"));
        if (plain && blas.isPresent()) {
            BLAS.forEach(name -> open(blas.get().resolve(name)));
            openBlas = blas.get().resolve("libopenblas.so.0");
        }
        torchFolder = torch.get();
        for (var name : plain ? TORCH : List.of("libgomp.so.1", "libc10.so")) {
            open(torch.get().resolve(name));
        }
        if (earlierLoaders() > 0) {
            if (plain && blas.isPresent()) {
                share(blas.get(), BLAS_ONCE);
            }
            share(torch.get(), TORCH_ONCE);
        }
    }

    /**
     * Binds Java's classes to libtorch without JavaCPP's search, which asks every jar of the class path for every
     * library that some build of libtorch could need (CUDA's above all) and takes as long as opening libtorch. From
     * then on JavaCPP loads nothing more, so this is for a process that is ours alone.
     *
     * @return whether it was done; else JavaCPP has to load libtorch
     */
    static boolean bind() {
        var folder = torchFolder;
        if (folder == null || openBlas == null || earlierLoaders() > 0) {
            return false;
        }
        var own = extract("javacpp");
        var binding = folder.resolve("libjnitorch.so");
        if (own.isEmpty() || !Files.exists(binding)) {
            return false;
        }
        Loader.loadLibrary(torch.class, new URL[] {url(own.get().resolve(JAVACPP))}, "jnijavacpp");
        Loader.loadLibrary(torch.class, new URL[] {url(binding)}, "jnitorch");
        System.setProperty("org.bytedeco.javacpp.loadLibraries", "false");
        return true;
    }

    /** Notes that this class loader has loaded the natives. */
    static void loaded() {
        var folder = torchFolder;
        if (folder != null && earlierLoaders() > 0) {
            removeLinks(folder);
        }
        System.setProperty(LOADERS, Integer.toString(earlierLoaders() + 1));
    }

    private static int earlierLoaders() {
        return Integer.getInteger(LOADERS, 0);
    }

    private static Optional<Path> extract(String preset) {
        try {
            var folders = Loader.cacheResources("/org/bytedeco/" + preset + "/" + Loader.getPlatform() + "/");
            for (var folder : folders) {
                var path = folder.toPath();
                if (Stream.of("libtorch_cpu.so", "libopenblas.so.0", JAVACPP)
                        .anyMatch(name -> Files.exists(path.resolve(name)))) {
                    return Optional.of(path);
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new VitrailException(
                    ("the native libraries cannot be extracted to the cache folder (%s): free some space, or name"
                                    + " another folder with -Dorg.bytedeco.javacpp.cachedir=FOLDER")
                            .formatted(oneLine(e)),
                    e);
        }
    }

    private static void open(Path library) {
        if (!Files.exists(library)) {
            return;
        }
        var linker = Native.load(null, Linker.class);
        if (linker.dlopen(library.toAbsolutePath().toString(), RTLD_LAZY | RTLD_NODELETE) == null) {
            throw VitrailException.of(
                    "the native library %s cannot be opened: its folder may be mounted noexec or the file cut short by"
                            + " a full disk, so delete it or name another folder with"
                            + " -Dorg.bytedeco.javacpp.cachedir=FOLDER",
                    library);
        }
    }

    /**
     * Makes JavaCPP, as this class loader sees it, know libraries that the process holds already. The further name is
     * gone at once: JavaCPP would else put it in the place of the file.
     */
    private static void share(Path folder, Map<String, String> libraries) {
        libraries.forEach((name, file) -> {
            var link = folder.resolve("%s-%d-%d.so"
                    .formatted(
                            file.substring(0, file.indexOf('.')),
                            ProcessHandle.current().pid(),
                            earlierLoaders()));
            if (!Files.exists(folder.resolve(file))) {
                return;
            }
            try {
                Files.deleteIfExists(link);
                Files.createLink(link, folder.resolve(file));
                try {
                    Loader.loadLibrary(torch.class, new URL[] {url(link)}, name);
                } finally {
                    Files.delete(link);
                }
            } catch (IOException | UnsupportedOperationException | UnsatisfiedLinkError e) {
                throw new VitrailException(IN_USE.formatted(oneLine(e)), e);
            }
        });
    }

    /** Removes the links to further names that JavaCPP may have made beside the libraries that need them. */
    private static void removeLinks(Path folder) {
        var made = "*-%d-%d.so".formatted(ProcessHandle.current().pid(), earlierLoaders());
        try (var links = Files.newDirectoryStream(folder, made)) {
            for (var link : links) {
                Files.deleteIfExists(link);
            }
        } catch (IOException e) {
            LOG.debug("links to libraries stay in {}: {}", folder, e.getMessage());
        }
    }

    private static URL url(Path path) {
        try {
            return path.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String oneLine(Throwable e) {
        var said = new ArrayList<String>();
        String.valueOf(e.getMessage())
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .forEach(said::add);
        return String.join("; ", said);
    }

    private interface Linker extends Library {
        @Nullable
        Pointer dlopen(String path, int flags);
    }
}
