package dev.vitrail.engine;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;

/**
 * A program that uses the natives in as many class loaders, one after the other, as it is told, each closed after use;
 * {@code keep} holds on to them.
 */
public final class NativeUse {
    private NativeUse() {}

    public static void main(String[] arguments) throws Exception {
        var path = new ArrayList<URL>();
        for (var entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            path.add(new File(entry).toURI().toURL());
        }
        var kept = new ArrayList<ClassLoader>();
        for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
            try (var loader = new URLClassLoader(path.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
                var answer = loader.loadClass(Inside.class.getName())
                        .getMethod("answer")
                        .invoke(null);
                System.out.println(i + ": " + answer);
                if (arguments.length > 1) {
                    kept.add(loader);
                }
            }
            System.gc();
        }
        System.out.println("loaders kept: " + kept.size());
        if (Files.exists(Path.of("/proc/self/maps"))) {
            System.out.println("libtorch_cpu opened: " + opened("libtorch_cpu"));
            System.out.println("decoys opened: " + opened("/decoys/"));
        }
    }

    /** How many different files with such a name the process has mapped. */
    private static long opened(String name) throws IOException {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains(name))
                    .map(line -> line.substring(line.indexOf('/')))
                    .distinct()
                    .count();
        }
    }

    /** What one class loader does. */
    public static final class Inside {
        private Inside() {}

        public static String answer() {
            try (var frame = Frame.open()) {
                var ones = Tensors.full(2, 2, 2);
                return String.valueOf(ones.matmul(ones).sum().item());
            }
        }
    }
}
