package dev.vitrail.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.data.Dataset;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Calibration;
import dev.vitrail.eval.ConfusionMatrix;
import dev.vitrail.eval.ConfusionMatrix.Cell;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.eval.Mistake;
import dev.vitrail.files.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/**
 * Validation results as a file: {@code evaluation.json} of a run is that of its best epoch.
 *
 * @param epoch counted from 1
 * @param classes names, in the order of the classifier's outputs
 * @param evaluation what was found
 * @param names of the images of its mistakes, in their order
 */
record SavedEvaluation(int epoch, List<String> classes, Evaluation evaluation, List<String> names) {
    private static final ObjectMapper JSON = new ObjectMapper();

    SavedEvaluation {
        classes = List.copyOf(classes);
        names = List.copyOf(names);
    }

    static SavedEvaluation of(int epoch, Evaluation found, Dataset set) {
        int classes = found.confusion().classes();
        boolean named = set.classes().size() == classes;
        var names = new ArrayList<String>();
        for (int i = 0; i < classes; i++) {
            names.add(named ? set.classes().get(i) : "class " + i);
        }
        return new SavedEvaluation(
                epoch,
                names,
                found,
                found.mistakes().stream()
                        .map(mistake -> set.name(mistake.index()))
                        .toList());
    }

    void write(Path file) {
        var root = JSON.createObjectNode();
        root.put("epoch", epoch)
                .put("images", evaluation.images())
                .put("correct1", evaluation.correct1())
                .put("correct5", evaluation.correct5())
                .put("nll", evaluation.nll())
                .put("seconds", evaluation.seconds())
                .put("calibration_error", evaluation.calibration().expectedError());
        var scores = evaluation.confusion().scores();
        var listed = root.putArray("classes");
        for (int i = 0; i < classes.size(); i++) {
            var score = scores.get(i);
            listed.addObject()
                    .put("name", classes.get(i))
                    .put("images", score.images())
                    .put("precision", score.precision())
                    .put("recall", score.recall())
                    .put("f1", score.f1());
        }
        var confusion = root.putArray("confusion");
        evaluation.confusion().cells().forEach((cell, count) -> confusion
                .addObject()
                .put("truth", cell.truth())
                .put("prediction", cell.prediction())
                .put("images", count));
        var bins = root.putArray("calibration");
        evaluation.calibration().bins().forEach(bin -> bins.addObject()
                .put("images", bin.images())
                .put("confidence", bin.confidence())
                .put("accuracy", bin.accuracy()));
        var mistakes = root.putArray("mistakes");
        for (int i = 0; i < names.size(); i++) {
            var mistake = evaluation.mistakes().get(i);
            mistakes.addObject()
                    .put("image", names.get(i))
                    .put("index", mistake.index())
                    .put("truth", mistake.truth())
                    .put("prediction", mistake.prediction())
                    .put("probability", mistake.probability())
                    .put("truth_probability", mistake.truthProbability());
        }
        try {
            AtomicFile.write(
                    file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + System.lineSeparator());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Reads what {@link #write} left.
     *
     * @throws VitrailException if it is something else
     */
    static SavedEvaluation read(Path file) {
        try {
            return parse(JSON.readTree(Files.readString(file)));
        } catch (IOException | IllegalArgumentException e) {
            throw new VitrailException(
                    "%s holds no evaluation of a run (%s): delete it, and the next epoch writes it anew"
                            .formatted(file, e.getMessage()),
                    e);
        }
    }

    private static SavedEvaluation parse(JsonNode root) {
        var classes = new ArrayList<String>();
        root.required("classes").forEach(one -> classes.add(one.required("name").asText()));
        var cells = new HashMap<Cell, Long>();
        root.required("confusion")
                .forEach(one -> cells.put(
                        new Cell(
                                one.required("truth").asInt(),
                                one.required("prediction").asInt()),
                        one.required("images").asLong()));
        var bins = new ArrayList<Calibration.Bin>();
        root.required("calibration")
                .forEach(one -> bins.add(new Calibration.Bin(
                        one.required("images").asLong(),
                        one.required("confidence").asDouble(),
                        one.required("accuracy").asDouble())));
        var mistakes = new ArrayList<Mistake>();
        var names = new ArrayList<String>();
        root.required("mistakes").forEach(one -> {
            names.add(one.required("image").asText());
            mistakes.add(new Mistake(
                    one.required("index").asInt(),
                    one.required("truth").asInt(),
                    one.required("prediction").asInt(),
                    one.required("probability").asDouble(),
                    one.required("truth_probability").asDouble()));
        });
        var evaluation = new Evaluation(
                root.required("images").asLong(),
                root.required("correct1").asLong(),
                root.required("correct5").asLong(),
                root.required("nll").asDouble(),
                root.required("seconds").asDouble(),
                new ConfusionMatrix(classes.size(), cells),
                new Calibration(bins),
                mistakes);
        return new SavedEvaluation(root.required("epoch").asInt(), classes, evaluation, names);
    }
}
