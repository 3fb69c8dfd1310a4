/** What is known before training: whether a model, its options and the data can work together. */
package dev.vitrail.doctor;
