package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of CSV files as people save them, each with the line where it begins. */
class CsvTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private Path folder;

    private List<Csv.Row> rows(String text) throws IOException {
        return Csv.read(Files.writeString(folder.resolve("labels.csv"), text));
    }

    @Test
    void rowsKnowTheLineWhereTheyBegin() throws IOException {
        assertThat(rows("\uFEFFfile,label\r\n\r\n\"two\nlines\",\"say \"\"a, b\"\"\"\n   \n, c \nlast"))
                .containsExactly(
                        new Csv.Row(1, List.of("file", "label")),
                        new Csv.Row(3, List.of("two\nlines", "say \"a, b\"")),
                        new Csv.Row(6, List.of("", " c ")),
                        new Csv.Row(7, List.of("last")));
    }

    @Test
    void quotesInsideOfACellAreText() throws IOException {
        assertThat(rows("12\" disk,a\n\"a\"b,c\n"))
                .containsExactly(new Csv.Row(1, List.of("12\" disk", "a")), new Csv.Row(2, List.of("ab", "c")));
    }

    @Test
    void anOpenQuoteIsNamedByItsRow() {
        assertThatThrownBy(() -> rows("a,b\n\nc,\"d\ne,f\n"))
                .isInstanceOf(VitrailException.class)
                .hasMessageEndingWith("the quote that opens in the row of line 3 is never closed");
    }

    @Test
    void anEmptyFileHasNoRows() throws IOException {
        assertThat(rows("")).isEmpty();
    }
}
