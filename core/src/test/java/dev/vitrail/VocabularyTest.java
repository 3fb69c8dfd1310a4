package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Code, option texts and documents use the terms of PyTorch, timm and the papers; these words for them do
 * not come back.
 */
class VocabularyTest {
    private static final List<String> WORDS = List.of(
            "where nobody says",
            "nobody says",
            "perceptron",
            "deviation",
            "running mean of the weights",
            "first values?",
            "by heart",
            "all chance begins",
            "who changes the weights",
            "added to a divisor",
            "gradient descent",
            "step at learning rate 1 takes away",
            "cannot be: it needs",
            "from the cheapest to the dearest",
            "in order; `--resume`",
            "hold_out",
            "train_share",
            "lowest_learning_rate",
            "smallest_crop",
            "largest_crop",
            "epoch_images",
            "keep_every",
            "first_weights",
            "needs_weights");

    private static final Pattern ANY =
            Pattern.compile("\\b(" + String.join("|", WORDS) + ")", Pattern.CASE_INSENSITIVE);

    /**
     * What a model gets is an image, in identifiers as in sentences. A picture is an illustration:
     * see {@link #ILLUSTRATION}.
     */
    private static final Pattern PICTURE = Pattern.compile("picture", Pattern.CASE_INSENSITIVE);

    /** Charts, the name of a column that data sets have, what draws figures, and what a camera does. */
    private static final Pattern ILLUSTRATION =
            Pattern.compile("picture of the curves|\"picture\"|`picture`|InspectPictures|Take the picture");

    /** What draws figures, which are pictures. */
    private static final Pattern DRAWINGS = Pattern.compile(String.join(
            "|",
            "core/.*/inspect/.*",
            ".*/(report|cli)/(Inspect|inspect)\\w*\\.(java|jte)",
            ".*/report/(study|picture)\\.jte",
            ".*/report/(Overlay|ColorScale|WindowDrawing)\\.java",
            "docs/guide/inspect\\.md"));

    /** Papers' titles and quotations. */
    private static final Pattern ALLOWED =
            Pattern.compile("<i>.*</i>|Multi-?[Ll]ayer Perceptron|Stochastic Gradient Descent");

    /** Openings of a Javadoc comment that name neither a thing nor an action. */
    private static final Pattern OPENING =
            Pattern.compile("/\\*\\*\\s*(?:\\*\\s*)?(What|Whether|The same|Where|How)\\b");

    private static final List<String> MODULES = List.of("core", "onnx", "serve", "cli", "spark", "bench");

    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    @Test
    void sourcesAndDocumentsUseTheFieldsTerms() throws IOException {
        var found = new ArrayList<String>();
        int read = 0;
        for (var folder : List.of(
                "core/src/main",
                "serve/src/main",
                "onnx/src/main",
                "spark/src/main",
                "cli/src/main",
                "bench/src/main",
                "docs",
                "README.md",
                "CONTRIBUTING.md")) {
            var path = ROOT.resolve(folder);
            assertThat(path).exists();
            try (Stream<Path> files = Files.walk(path)) {
                for (var file : files.filter(VocabularyTest::isText).toList()) {
                    read++;
                    look(file, found);
                }
            }
        }
        assertThat(read).isGreaterThan(400);
        assertThat(found).isEmpty();
    }

    @Test
    void findsTheWords() {
        assertThat(ANY.matcher("the first values of a layer").find()).isTrue();
        assertThat(ANY.matcher("The value where nobody says.").find()).isTrue();
        assertThat(ANY.matcher("initial values").find()).isFalse();
        assertThat(PICTURE.matcher("var testPictures = 3;").find()).isTrue();
    }

    @Test
    void javadocOpensWithANounOrAVerb() throws IOException {
        var found = new ArrayList<String>();
        int read = 0;
        for (var module : MODULES) {
            var sources = ROOT.resolve(module).resolve("src/main/java");
            assertThat(sources).exists();
            try (Stream<Path> files = Files.walk(sources)) {
                for (var file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    read++;
                    lookAtOpenings(file, found);
                }
            }
        }
        assertThat(read).isGreaterThan(400);
        assertThat(found).isEmpty();
    }

    @Test
    void findsTheOpenings() {
        assertThat(OPENING.matcher("/** Whether it is shifted. */").find()).isTrue();
        assertThat(OPENING.matcher("    /**\n     * The same with another pool.\n")
                        .find())
                .isTrue();
        assertThat(OPENING.matcher("/** Returns whether it is shifted. */").find())
                .isFalse();
        assertThat(OPENING.matcher("/**\n * Options of a server.\n *\n * What follows.")
                        .find())
                .isFalse();
    }

    private static boolean isText(Path file) {
        return file.toString().matches(".*\\.(java|jte|md|yaml)");
    }

    private static void look(Path file, List<String> found) throws IOException {
        var lines = Files.readAllLines(file);
        for (int i = 0; i < lines.size(); i++) {
            var line = lines.get(i);
            if (ANY.matcher(line).find() && !ALLOWED.matcher(line).find()) {
                found.add(place(file, i, line));
            }
            if (!DRAWINGS.matcher(ROOT.relativize(file).toString()).matches()
                    && PICTURE.matcher(line).find()
                    && !ILLUSTRATION.matcher(line).find()) {
                found.add(place(file, i, line));
            }
        }
    }

    private static void lookAtOpenings(Path file, List<String> found) throws IOException {
        var text = Files.readString(file);
        var openings = OPENING.matcher(text);
        while (openings.find()) {
            int line = (int) text.substring(0, openings.start(1)).lines().count();
            found.add(ROOT.relativize(file) + ":" + line + ": opens with '" + openings.group(1) + "'");
        }
    }

    private static String place(Path file, int line, String text) {
        return ROOT.relativize(file) + ":" + (line + 1) + ": " + text.strip();
    }
}
