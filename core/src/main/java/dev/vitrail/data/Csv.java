package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;

/**
 * Comma-separated values as RFC 4180 has them: quoted cells, doubled quotes, either line end; a byte-order
 * mark is skipped.
 */
final class Csv {
    /** More than any list of files needs; a wrong file is refused before it fills the heap. */
    private static final long LARGEST = 512L << 20;

    /**
     * Text after a closing quote belongs to the cell, so that the only fault of form is a quote that is never closed.
     */
    private static final CSVFormat FORMAT = CSVFormat.RFC4180
            .builder()
            .setIgnoreEmptyLines(false)
            .setTrailingData(true)
            .get();

    private Csv() {}

    /**
     * A line's cells.
     *
     * @param line where it begins in the file, from 1
     */
    record Row(int line, List<String> cells) {}

    /** The rows of a file; empty lines are no rows. */
    static List<Row> read(Path file) {
        return parse(file, text(file));
    }

    /** The lines of a file that are not blank, stripped. */
    static List<String> lines(Path file) {
        return text(file)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
    }

    /** A whole number that fits an int and is not negative. */
    static OptionalInt integer(String cell) {
        String digits = cell.strip();
        if (digits.isEmpty() || digits.length() > 9) {
            return OptionalInt.empty();
        }
        for (int i = 0; i < digits.length(); i++) {
            if (digits.charAt(i) < '0' || digits.charAt(i) > '9') {
                return OptionalInt.empty();
            }
        }
        return OptionalInt.of(Integer.parseInt(digits));
    }

    private static String text(Path file) {
        try {
            long bytes = Files.size(file);
            VitrailException.require(
                    bytes <= LARGEST,
                    "%s has %,d bytes, more than a list of names can have (%,d); is it another file?",
                    file,
                    bytes,
                    LARGEST);
            String text = Files.readString(file, StandardCharsets.UTF_8);
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (NoSuchFileException e) {
            throw new VitrailException("there is no file " + file + "; check the name", e);
        } catch (CharacterCodingException e) {
            throw new VitrailException(file + " is not UTF-8 text; save it as UTF-8", e);
        } catch (IOException e) {
            throw new VitrailException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static List<Row> parse(Path file, String text) {
        var rows = new ArrayList<Row>();
        int line = 1;
        try (var parser = CSVParser.parse(text, FORMAT)) {
            for (var records = parser.iterator(); records.hasNext(); line = (int) parser.getCurrentLineNumber() + 1) {
                var cells = records.next().toList();
                if (cells.size() > 1 || !cells.get(0).isBlank()) {
                    rows.add(new Row(line, List.copyOf(cells)));
                }
            }
        } catch (UncheckedIOException | IOException e) {
            throw new VitrailException(
                    "%s: the quote that opens in the row of line %d is never closed".formatted(file, line), e);
        }
        return rows;
    }
}
