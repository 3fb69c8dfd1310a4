package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import java.io.Serializable;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;
import scala.Function1;
import scala.Option;
import scala.Tuple3;
import scala.collection.immutable.Nil$;
import scala.collection.immutable.Seq;
import scala.runtime.BoxedUnit;

/**
 * Gives {@code vitrail_classify(content)} to every session, for users of SQL alone:
 *
 * <pre>{@code
 * spark-sql --conf spark.sql.extensions=dev.vitrail.spark.VitrailExtensions --conf spark.vitrail.model=/models/vit …
 * }</pre>
 *
 * <p>The model is loaded when a query first uses the function. {@link VitrailFunctions} says what the function gives.
 */
public final class VitrailExtensions implements Function1<SparkSessionExtensions, BoxedUnit> {
    private static final String MODEL = "spark.vitrail.model";

    /** A function as Spark's expression wants it: saved with the task, and called with a value of Java. */
    private interface Called extends Function1<byte @Nullable [], @Nullable Row>, Serializable {}

    @Override
    public BoxedUnit apply(SparkSessionExtensions extensions) {
        extensions.injectFunction(new Tuple3<>(
                new FunctionIdentifier(VitrailFunctions.CLASSIFY),
                new ExpressionInfo(VitrailExtensions.class.getName(), VitrailFunctions.CLASSIFY),
                VitrailExtensions::expression));
        return BoxedUnit.UNIT;
    }

    private static Expression expression(Seq<Expression> arguments) {
        VitrailException.require(
                arguments.size() == 1 && arguments.apply(0).dataType().sameType(DataTypes.BinaryType),
                "%s takes one argument, the content of an image file as binary, found %s",
                VitrailFunctions.CLASSIFY,
                arguments.size() == 1 ? arguments.apply(0).dataType().simpleString() : arguments.size() + " arguments");
        var session = SparkSession.active();
        var model = session.conf().get(MODEL, "");
        VitrailException.require(
                !model.isEmpty(),
                "%s needs a model: set %s to a folder or published weights",
                VitrailFunctions.CLASSIFY,
                MODEL);
        var classifier = new VitrailClassifier().setModel(model);
        var function = VitrailFunctions.function(session.sparkContext(), classifier);
        Called called = function::call;
        return new ScalaUDF(
                called,
                ClassifyFunction.type(new ModelResult.Classes(classifier.getTopK())),
                arguments,
                nil(),
                Option.empty(),
                Option.apply(VitrailFunctions.CLASSIFY),
                true,
                true);
    }

    @SuppressWarnings("unchecked") // the empty list is of any type
    private static <T> Seq<T> nil() {
        return (Seq<T>) (Seq<?>) Nil$.MODULE$;
    }
}
