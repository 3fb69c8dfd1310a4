/** The Hugging Face hub: names, cache and transfer. */
package dev.vitrail.weights.hub;
