/** The front door: load a model and classify images with it. */
package dev.vitrail;
