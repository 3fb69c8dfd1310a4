package dev.vitrail.spark;

import static dev.vitrail.errors.VitrailException.require;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/** Rows of labelled images, checked, that become a part of a training's data. */
final class TrainingTable {
    private static final String ID = "id";
    private static final String IMAGE = "image";
    private static final String LABEL = "label";

    /** Some 200 MB of photos of 100 KB. */
    private static final int ROWS_OF_FILE = 2_000;

    private final String name;
    private final Dataset<Row> rows;
    private final InputKind kind;
    private final boolean numbers;
    private final long count;
    private final Set<String> labels;

    /**
     * Columns of the rows.
     *
     * @param id of a type that can be ordered; different in all rows
     * @param image content of an image file, or its path
     * @param label name of a class, or its number from 0
     */
    record Columns(String id, String image, String label) {}

    private TrainingTable(
            String name, Dataset<Row> rows, InputKind kind, boolean numbers, long count, Set<String> labels) {
        this.name = name;
        this.rows = rows;
        this.kind = kind;
        this.numbers = numbers;
        this.count = count;
        this.labels = labels;
    }

    /**
     * Checks rows; images are not read yet.
     *
     * @param name of the part, as errors call it
     * @throws VitrailException if a column is missing or of another type, an id is null or not unique, or a label is
     *     null or negative
     */
    static TrainingTable of(String name, Dataset<Row> data, Columns columns) {
        var schema = data.schema();
        requireColumn(name, schema, columns.id, "setIdCol");
        requireColumn(name, schema, columns.label, "setLabelCol");
        requireColumn(name, schema, columns.image, "setImageCol");
        var kind = InputKind.of(schema, columns.image);
        require(
                kind != InputKind.STRUCT,
                "column '%s' of the %s holds decoded images: expected binary (content of an image file) or"
                        + " string (its path)",
                columns.image,
                name);
        var type = schema.apply(columns.label).dataType();
        boolean numbers = isInteger(type);
        require(
                numbers || type instanceof StringType,
                "column '%s' of the %s is of type %s: expected string (the name of a class) or an integer (its"
                        + " number from 0)",
                columns.label,
                name,
                type.simpleString());
        var rows = data.select(
                quoted(columns.id).as(ID),
                quoted(columns.image).as(IMAGE),
                numbers
                        ? quoted(columns.label).cast(DataTypes.LongType).as(LABEL)
                        : quoted(columns.label).as(LABEL));
        var totals = rows.agg(count(lit(1)), count(col(ID)), count(col(LABEL)), min(col(LABEL)), max(col(LABEL)))
                .first();
        long all = totals.getLong(0);
        require(all > 0, "the %s has no rows", name);
        require(
                totals.getLong(1) == all,
                "%d of %d rows of the %s have no id: expected one in column '%s' of each",
                all - totals.getLong(1),
                all,
                name,
                columns.id);
        require(
                totals.getLong(2) == all,
                "%d of %d rows of the %s have no label: leave them out, as by where(\"%s IS NOT NULL\")",
                all - totals.getLong(2),
                all,
                name,
                columns.label);
        require(
                !numbers || totals.getLong(3) >= 0,
                "the %s has the label %s: expected numbers of classes, from 0",
                name,
                totals.get(3));
        requireUnique(name, rows, columns.id);
        var labels = rows.select(col(LABEL)).distinct().collectAsList().stream()
                .map(row -> String.valueOf(row.get(0)))
                .collect(Collectors.toCollection(TreeSet::new));
        return new TrainingTable(name, rows, kind, numbers, all, labels);
    }

    private static void requireColumn(String name, StructType schema, String column, String setter) {
        require(
                List.of(schema.fieldNames()).contains(column),
                "the %s has no column '%s', found %s: name it with %s",
                name,
                column,
                String.join(", ", schema.fieldNames()),
                setter);
    }

    private static boolean isInteger(DataType type) {
        return type instanceof ByteType
                || type instanceof ShortType
                || type instanceof IntegerType
                || type instanceof LongType;
    }

    /** A column by its whole name, dots included. */
    private static Column quoted(String column) {
        return col("`" + column.replace("`", "``") + "`");
    }

    private static void requireUnique(String name, Dataset<Row> rows, String column) {
        var repeated = rows.groupBy(col(ID))
                .agg(count(lit(1)).as("rows"))
                .where("rows > 1")
                .orderBy(col(ID));
        var first = repeated.takeAsList(1);
        require(
                first.isEmpty(),
                "%d ids of the %s are not unique, the first of them %s: expected different values in column '%s'",
                first.isEmpty() ? 0 : repeated.count(),
                name,
                first.isEmpty() ? "" : "'" + first.get(0).get(0) + "'",
                column);
    }

    /** @throws VitrailException if another part has labels of another kind, or such as this part lacks */
    void requireCovers(TrainingTable other) {
        require(
                numbers == other.numbers,
                "the labels of the %s are %s, and those of the %s are %s: expected the same in both",
                name,
                numbers ? "numbers" : "names",
                other.name,
                other.numbers ? "numbers" : "names");
        var unknown = other.labels.stream()
                .filter(label -> !labels.contains(label))
                .limit(5)
                .toList();
        require(
                unknown.isEmpty(),
                "the %s has labels that the %s lacks: %s",
                other.name,
                name,
                String.join(", ", unknown));
    }

    /** Number of rows. */
    long size() {
        return count;
    }

    /** Number of files that {@link #write} makes at most; follows from the number of rows alone. */
    int files() {
        return Math.toIntExact((count + ROWS_OF_FILE - 1) / ROWS_OF_FILE);
    }

    /**
     * Writes Parquet files, whose rows depend on the ids and on nothing else, as the order of the rows decides what a
     * training sees when.
     *
     * @param folder that is not there yet
     */
    void write(Path folder) {
        var schema = new StructType()
                .add(ID, rows.schema().apply(ID).dataType(), false)
                .add(IMAGE, DataTypes.BinaryType, true)
                .add(LABEL, rows.schema().apply(LABEL).dataType(), false);
        var hadoop =
                new SerializableConfiguration(rows.sparkSession().sparkContext().hadoopConfiguration());
        var content =
                kind == InputKind.BYTES ? rows : rows.mapPartitions(new FileContents(hadoop), Encoders.row(schema));
        content.repartition(files(), col(ID))
                .sortWithinPartitions(col(ID))
                .write()
                .option("compression", "none") // images are compressed already
                .option("parquet.enable.dictionary", false)
                .parquet(folder.toUri().toString());
    }

    /**
     * Replaces paths by the content of the files.
     *
     * @param hadoop how file systems are reached
     */
    private record FileContents(SerializableConfiguration hadoop) implements MapPartitionsFunction<Row, Row> {
        @Override
        public Iterator<Row> call(Iterator<Row> rows) {
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return rows.hasNext();
                }

                @Override
                public Row next() {
                    var row = rows.next();
                    var content = row.isNullAt(1) ? null : InputKind.content(row.getString(1), hadoop.value());
                    return RowFactory.create(row.get(0), content, row.get(2));
                }
            };
        }
    }
}
