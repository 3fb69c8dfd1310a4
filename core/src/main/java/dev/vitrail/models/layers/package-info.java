/** Layers and helpers that several families share. */
package dev.vitrail.models.layers;
