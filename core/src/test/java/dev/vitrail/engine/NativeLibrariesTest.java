package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Other users of natives in the process and on the machine: each test is a process of its own. */
class NativeLibrariesTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /** A cache of the tests' own: what goes wrong here must not stay behind for others. */
    @TempDir
    static Path cache = Path.of("");

    /** Thrice, though class loaders are closed in between: each answers as the first, and libtorch is there once. */
    @Test
    void everyClassLoaderOfAProcessIsAnswered() throws Exception {
        var lines = run(0, Map.of(), List.of(), "3");
        assertThat(lines).contains("0: 32.0", "1: 32.0", "2: 32.0");
        if (Platform.isLinux()) {
            assertThat(lines).contains("libtorch_cpu opened: 1");
        }
    }

    /** Libraries of the same names, first in every search path, would end the process or fail to load. */
    @Test
    void anotherLibtorchOnTheSearchPathIsNeverOpened() throws Exception {
        assumeTrue(Platform.isLinux());
        var decoys = decoys();
        var lines = run(0, Map.of("LD_LIBRARY_PATH", decoys.toString()), List.of("-Djava.library.path=" + decoys), "2");
        assertThat(lines).contains("0: 32.0", "1: 32.0", "libtorch_cpu opened: 1", "decoys opened: 0");
    }

    @Test
    void aFolderThatCannotHoldNativesIsOneSentence() throws Exception {
        assumeTrue(Files.exists(Path.of("/dev/full")));
        var notAFolder = Files.writeString(folder.resolve("file"), "");
        var lines = run(1, Map.of(), List.of("-Djna.tmpdir=" + notAFolder.resolve("below")), "1");
        assertThat(lines)
                .anyMatch(line -> line.contains("VitrailException")
                        && line.contains("JNA's native library cannot be loaded")
                        && line.contains("-Djna.tmpdir=FOLDER"));
    }

    /** A library of Java's own under the names of libtorch's. */
    private Path decoys() throws IOException {
        var decoys = Files.createDirectory(folder.resolve("decoys"));
        var library = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
        for (var name : List.of(
                "libc10.so",
                "libtorch.so",
                "libtorch_cpu.so",
                "libgomp.so.1",
                "libopenblas.so.0",
                "libgfortran.so.5",
                "libquadmath.so.0")) {
            Files.copy(library, decoys.resolve(name));
        }
        return decoys;
    }

    private List<String> run(int status, Map<String, String> variables, List<String> options, String... arguments)
            throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Xmx256m");
        command.add("-Dorg.bytedeco.javacpp.cachedir=" + cache);
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), NativeUse.class.getName()));
        command.addAll(List.of(arguments));
        var output = folder.resolve("output");
        var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
        builder.environment().putAll(variables);
        var process = builder.start();
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        var lines = Files.readAllLines(output);
        assertThat(process.exitValue()).as(String.join("\n", lines)).isEqualTo(status);
        return lines;
    }
}
