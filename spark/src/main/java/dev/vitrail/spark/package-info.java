/**
 * Models as stages of Spark ML and functions of Spark SQL, and training across executors.
 *
 * <p>{@link dev.vitrail.spark.VitrailClassifier} and {@link dev.vitrail.spark.VitrailEmbedder} are transformers for
 * pipelines; {@link dev.vitrail.spark.VitrailFunctions} registers {@code vitrail_classify} for SQL. An executor's
 * process loads a model once, and its tasks share it. {@link dev.vitrail.spark.VitrailTrainer} trains one model in
 * several executors.
 */
@NullMarked
package dev.vitrail.spark;

import org.jspecify.annotations.NullMarked;
