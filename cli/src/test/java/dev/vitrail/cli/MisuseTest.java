package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each slip has one sentence that names the wrong word and the right one. */
final class MisuseTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
            predict --modle M image.jpg                  | there is no option --modle; did you mean --model?
            predict --json --modle M image.jpg           | there is no option --modle; did you mean --model?
            predict --model M -image.jpg                 | there is no option -image.jpg; for a file of that name write ./-image.jpg
            predcit                                      | there is no command predcit; did you mean predict?
            models --jsno                                | there is no option --jsno; did you mean --json?
            predict --model M --no-exfi image.jpg        | there is no option --no-exfi; did you mean --no-exif?
            predict --model M --size 0 image.jpg         | --size 0: both sides must be positive
            predict --model M --max-pixels 1k image.jpg  | --max-pixels 1k is no whole number
            predict --model M --format cvs image.jpg     | --format cvs is none of text, csv, json, jsonl, parquet; did you mean csv?
            predict --model M --top 99999999999 a.jpg    | --top 99999999999 is too large a number
            train --lr fast                              | --lr fast: 'learning_rate' must be a number
            predict --model                              | --model needs a value
            predict --model M                            | an argument is missing: IMAGE
            predict image.jpg                            | the option --model is missing: --model M
            train --set learnign_rate=1                  | the nearest are learning_rate
            train --recipe deti                          | the nearest are deit
            """)
    void namesTheWordAndTheRightOne(String line, String sentence) {
        var ran = Cli.run((Object[]) line.split(" ", -1));
        assertThat(ran.status()).as(ran.err()).isEqualTo(2);
        assertThat(ran.sentences()).last().asString().startsWith("vitrail: ").contains(sentence);
        assertThat(ran.err()).doesNotContain("Exception", "dev.vitrail", "java.");
    }

    @Test
    void aValueMayBeginWithADash() {
        assertThat(Cli.run("train", "--lr", "-1", "--modle", "x").err()).contains("there is no option --modle");
        assertThat(Cli.run("train", "--lr", "-1").err()).doesNotContain("there is no option");
    }
}
