package dev.vitrail.spark;

import dev.vitrail.Prediction;
import dev.vitrail.Vitrail;
import java.io.Serializable;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;

/** Conversion of a model's output into a column's value. */
sealed interface ModelResult extends Serializable {
    /** Returns whether class scores are asked for; else the vectors before the classifier. */
    boolean classified();

    /** The type of the result's column. */
    DataType type();

    /** The value of the column. */
    Object of(Vitrail vitrail, float[] output);

    /**
     * The most probable class, and those after it.
     *
     * @param topK how many
     */
    record Classes(int topK) implements ModelResult {
        private static StructField[] fields() {
            return new StructField[] {
                DataTypes.createStructField("label", DataTypes.StringType, true),
                DataTypes.createStructField("index", DataTypes.IntegerType, true),
                DataTypes.createStructField("probability", DataTypes.DoubleType, true)
            };
        }

        @Override
        public boolean classified() {
            return true;
        }

        @Override
        public DataType type() {
            var class3 = fields();
            return DataTypes.createStructType(new StructField[] {
                class3[0],
                class3[1],
                class3[2],
                DataTypes.createStructField(
                        "top", DataTypes.createArrayType(DataTypes.createStructType(class3), false), true)
            });
        }

        @Override
        public Row of(Vitrail vitrail, float[] output) {
            var top = vitrail.top(output, topK);
            var best = top.get(0);
            return RowFactory.create(
                    best.label(),
                    best.index(),
                    best.probability(),
                    top.stream().map(Classes::row).toArray(Row[]::new));
        }

        private static Row row(Prediction found) {
            return RowFactory.create(found.label(), found.index(), found.probability());
        }
    }

    /**
     * The vector before the classifier.
     *
     * @param ofSparkMl as a vector of Spark ML; else as an array of floats
     */
    record Embedding(boolean ofSparkMl) implements ModelResult {
        @Override
        public boolean classified() {
            return false;
        }

        @Override
        public DataType type() {
            return ofSparkMl ? SQLDataTypes.VectorType() : DataTypes.createArrayType(DataTypes.FloatType, false);
        }

        @Override
        public Object of(Vitrail vitrail, float[] output) {
            if (!ofSparkMl) {
                return output;
            }
            var values = new double[output.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = output[i];
            }
            return Vectors.dense(values);
        }
    }
}
