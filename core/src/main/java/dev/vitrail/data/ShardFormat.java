package dev.vitrail.data;

import java.nio.file.Path;
import java.util.Locale;

/** File format of a data set that comes in shards. */
enum ShardFormat {
    TAR(".tar"),
    PARQUET(".parquet");

    private final String ending;

    ShardFormat(String ending) {
        this.ending = ending;
    }

    /** Returns whether a file's name has the format's ending. */
    boolean fits(Path file) {
        return String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT).endsWith(ending);
    }
}
