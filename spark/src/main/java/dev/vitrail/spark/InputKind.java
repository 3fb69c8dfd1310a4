package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.ml.image.ImageSchema;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/** Representation of images in a column. */
enum InputKind {
    /** Bytes of an image file, such as {@code content} of Spark's {@code binaryFile}. */
    BYTES {
        @Override
        RgbImage decode(Object value, String column, DecodeOptions decoding, Configuration hadoop) {
            return ImageDecoder.decode((byte[]) value, "the content of column '%s'".formatted(column), decoding);
        }
    },
    /** A decoded image of Spark's data source {@code image}. */
    STRUCT {
        @Override
        RgbImage decode(Object value, String column, DecodeOptions decoding, Configuration hadoop) {
            return SparkImage.rgb((Row) value, column, decoding.maxPixels());
        }
    },
    /** The path of an image file, on any file system that Hadoop reads. */
    PATH {
        @Override
        RgbImage decode(Object value, String column, DecodeOptions decoding, Configuration hadoop) {
            var name = (String) value;
            return read(name, hadoop, stream -> ImageDecoder.decode(stream, name, decoding));
        }
    };

    /**
     * The image of a value that is not null; called from several threads at once.
     *
     * @param column what errors call its place
     * @throws VitrailException if it cannot be read
     */
    abstract RgbImage decode(Object value, String column, DecodeOptions decoding, Configuration hadoop);

    /** Reads from an open file. */
    private interface Reader<T> {
        T read(InputStream stream) throws IOException;
    }

    private static <T> T read(String name, Configuration hadoop, Reader<T> reader) {
        try {
            var path = new Path(name);
            try (var stream = path.getFileSystem(hadoop).open(path)) {
                return reader.read(stream);
            }
        } catch (IOException | IllegalArgumentException e) {
            throw new VitrailException(
                    "%s could not be read (%s): check the path, and that executors may read it"
                            .formatted(
                                    name,
                                    String.valueOf(e.getMessage())
                                            .lines()
                                            .findFirst()
                                            .orElse("")),
                    e);
        }
    }

    /**
     * The bytes of a file, on any file system that Hadoop reads.
     *
     * @throws VitrailException if it cannot be read
     */
    static byte[] content(String path, Configuration hadoop) {
        return read(path, hadoop, InputStream::readAllBytes);
    }

    /**
     * The kind of a column.
     *
     * @throws VitrailException if the schema has no such column, or no images can be in it
     */
    static InputKind of(StructType schema, String column) {
        var names = schema.fieldNames();
        int index = Arrays.asList(names).indexOf(column);
        VitrailException.require(
                index >= 0,
                "there is no column '%s' to take images from, found %s: name one with setInputCol",
                column,
                String.join(", ", names));
        var type = schema.fields()[index].dataType();
        if (type instanceof BinaryType) {
            return BYTES;
        }
        if (type instanceof StringType) {
            return PATH;
        }
        VitrailException.require(
                isImage(type),
                "column '%s' is of type %s: expected binary (content of an image file), string (its path) or"
                        + " Spark's image struct",
                column,
                type.simpleString());
        return STRUCT;
    }

    /**
     * Returns whether a type is Spark's image, by names and types alone: what may be null differs by how a column came
     * to be.
     */
    private static boolean isImage(DataType type) {
        var wanted = ImageSchema.columnSchema().fields();
        if (!(type instanceof StructType struct) || struct.fields().length != wanted.length) {
            return false;
        }
        for (int i = 0; i < wanted.length; i++) {
            var field = struct.fields()[i];
            if (!field.name().equals(wanted[i].name()) || !field.dataType().sameType(wanted[i].dataType())) {
                return false;
            }
        }
        return true;
    }
}
