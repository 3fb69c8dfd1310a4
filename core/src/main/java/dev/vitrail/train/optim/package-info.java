/** Optimizers, parameter groups and gradient clipping. */
package dev.vitrail.train.optim;
