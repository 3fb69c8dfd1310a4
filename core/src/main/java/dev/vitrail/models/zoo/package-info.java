/** The catalogue of named variants and their published weights. */
package dev.vitrail.models.zoo;
