/** The model families, one file each, and the catalogue of their published variants. */
package dev.vitrail.models;
