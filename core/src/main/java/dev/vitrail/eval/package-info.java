/** How well a model does: its metrics over labelled images. */
package dev.vitrail.eval;
