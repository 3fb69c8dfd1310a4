package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java of README, guide and the front door's Javadoc compiles. */
class DocumentedCodeTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final Path SOURCES = ROOT.resolve("core/src/main/java/dev/vitrail");
    private static final Pattern MARKDOWN = Pattern.compile("(?s)```java\n(.*?)```");
    private static final Pattern JAVADOC = Pattern.compile("(?s)<pre>\\{@code\n(.*?)\n \\* }</pre>");

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private Path classes;

    /** Code as a body of a method of a class; all packages of ours are imported. */
    private static final class Snippet extends SimpleJavaFileObject {
        private final String text;

        Snippet(int number, String code, String imports) {
            super(URI.create("string:///Snippet" + number + ".java"), Kind.SOURCE);
            text = "%s class Snippet%d { static void run() throws Exception {\n%s\n} }"
                    .formatted(imports, number, code);
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    @Test
    void documentedCodeCompiles() throws IOException {
        var code = new ArrayList<String>();
        for (var file : files(ROOT.resolve("docs/guide"), ".md")) {
            code.addAll(found(file, MARKDOWN));
        }
        code.addAll(found(ROOT.resolve("README.md"), MARKDOWN));
        for (var name : List.of("package-info", "Vitrail", "TrainingRun")) {
            code.addAll(found(SOURCES.resolve(name + ".java"), JAVADOC));
        }
        assertThat(code).hasSizeGreaterThan(8);
        assertThat(errors(code)).isEmpty();
    }

    @Test
    void codeThatNamesNoTypeOfOursIsRefused() throws IOException {
        assertThat(errors(List.of("Vitrale.load(\"cat\");"))).contains("Vitrale");
    }

    private String errors(List<String> code) throws IOException {
        var imports = imports();
        var units = new ArrayList<JavaFileObject>();
        for (var one : code) {
            units.add(new Snippet(units.size(), one, imports));
        }
        var said = new StringWriter();
        var options = List.of(
                "-proc:none", "-nowarn", "-d", classes.toString(), "-cp", System.getProperty("java.class.path"));
        boolean compiled = ToolProvider.getSystemJavaCompiler()
                .getTask(said, null, null, options, null, units)
                .call();
        return compiled ? "" : said.toString();
    }

    private static String imports() throws IOException {
        var packages = new TreeSet<>(List.of("java.nio", "java.nio.file", "java.util"));
        for (var module : List.of("core", "onnx")) {
            var java = ROOT.resolve(module).resolve("src/main/java");
            for (var file : files(java, ".java")) {
                var path = java.relativize(file).toString().replace(File.separatorChar, '.');
                packages.add(path.replaceFirst("\\.[^.]+\\.java$", ""));
            }
        }
        return packages.stream().map("import %s.*;"::formatted).collect(Collectors.joining(" "));
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        try (var all = Files.walk(folder)) {
            return all.filter(file -> file.toString().endsWith(ending)).sorted().toList();
        }
    }

    private static List<String> found(Path file, Pattern pattern) throws IOException {
        return pattern.matcher(Files.readString(file))
                .results()
                .map(match -> match.group(1).replaceAll("(?m)^ \\* ?", ""))
                .toList();
    }
}
