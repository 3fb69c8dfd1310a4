/**
 * Loads models by name: from folders, weights files, published weights and the hub, or with random weights
 * from the catalogue.
 */
package dev.vitrail.loading;
