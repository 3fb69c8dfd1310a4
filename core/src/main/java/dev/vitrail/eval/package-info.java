/** Metrics of models over labelled images. */
package dev.vitrail.eval;
