/** Checks before training that a model, its options and the data fit each other. */
package dev.vitrail.doctor;
