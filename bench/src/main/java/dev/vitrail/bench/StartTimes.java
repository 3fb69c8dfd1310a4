package dev.vitrail.bench;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The time from the start of the command to the end of its first prediction, process by process. A run without a label
 * is an error.
 */
final class StartTimes {
    private static final int RUNS = 11;

    private StartTimes() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length < 3) {
            throw new IllegalArgumentException(
                    "expected the command, a model and an image, such as ./vitrail MODEL cat.jpg");
        }
        var command = List.of(arguments[0], "predict", "--top", "1", "--model", arguments[1], arguments[2]);
        int runs = arguments.length > 3 ? Integer.parseInt(arguments[3]) : RUNS;
        var first = run(command); // builds, and fills the file system's cache
        var millis = new ArrayList<Double>();
        for (int i = 0; i < runs; i++) {
            long start = System.nanoTime();
            var said = run(command);
            millis.add((System.nanoTime() - start) / 1e6);
            if (!said.equals(first)) {
                throw new IllegalStateException("run %d printed '%s', the first '%s'".formatted(i + 1, said, first));
            }
        }
        System.out.print(first);
        System.out.printf(
                "start to label, ms, of %d runs: median %.0f, fastest %.0f, slowest %.0f%n",
                runs, Medians.of(millis), Collections.min(millis), Collections.max(millis));
    }

    private static String run(List<String> command) throws IOException, InterruptedException {
        var process =
                new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
        process.getOutputStream().close();
        var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.waitFor();
        if (status != 0 || !said.contains("%")) {
            throw new IllegalStateException("the command ended with %d and printed '%s'".formatted(status, said));
        }
        return said;
    }
}
