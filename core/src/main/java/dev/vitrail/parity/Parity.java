package dev.vitrail.parity;

import dev.vitrail.engine.Frame;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Consumer;

/** Runs golden cases, one after another. */
public final class Parity {
    private Parity() {}

    /**
     * Runs the cases at the paths.
     *
     * @param paths JSON files, the tensor files beside them, or folders of both, searched to any depth
     * @param listener hears each outcome as it comes
     * @return all outcomes; a case that cannot be run has failed
     * @throws VitrailException if no path holds a case
     */
    public static List<Outcome> run(List<Path> paths, Consumer<Outcome> listener) {
        var outcomes = new ArrayList<Outcome>();
        for (var file : caseFiles(paths)) {
            GoldenCase.read(file).ifPresent(golden -> {
                var outcome = run(golden);
                outcomes.add(outcome);
                listener.accept(outcome);
            });
        }
        VitrailException.require(
                !outcomes.isEmpty(),
                "no golden case was found in %s: a case is a JSON file with an id and a kind",
                paths);
        return outcomes;
    }

    private static List<Path> caseFiles(List<Path> paths) {
        var files = new LinkedHashSet<Path>();
        for (var path : paths) {
            VitrailException.require(Files.exists(path), "there is no file or folder %s", path);
            if (Files.isDirectory(path)) {
                try (var walk = Files.walk(path, FileVisitOption.FOLLOW_LINKS)) {
                    walk.filter(file -> file.toString().endsWith(".json"))
                            .sorted()
                            .forEach(files::add);
                } catch (IOException | UncheckedIOException e) {
                    throw new VitrailException("the folder %s cannot be read: %s".formatted(path, e.getMessage()), e);
                }
            } else {
                var name = path.getFileName().toString();
                var json = path.resolveSibling(name.replaceFirst("\\.[^.]*$", "") + ".json");
                // A shell's pattern gives the JSON file and those beside it; whatever is no case's own
                // file is passed over.
                if (Files.exists(json)) {
                    files.add(json);
                }
            }
        }
        return List.copyOf(files);
    }

    private static Outcome run(GoldenCase golden) {
        var collector = new Outcome.Collector();
        try {
            Frame.run(() -> {
                switch (golden.kind()) {
                    case "model" -> ModelParity.run(golden, collector);
                    case "misc" -> MiscParity.run(golden, collector);
                    case "preprocess" -> PreprocessParity.run(golden, collector);
                    case "inspect" -> InspectParity.run(golden, collector);
                    case "checkpoint" -> CheckpointParity.run(golden, collector);
                    default -> collector.fail("no kind '%s' is known here".formatted(golden.kind()));
                }
            });
        } catch (VitrailException e) {
            collector.fail(e.getMessage());
        } catch (RuntimeException e) {
            collector.fail(e.toString());
        }
        return collector.outcome(golden.id(), golden.kind());
    }
}
