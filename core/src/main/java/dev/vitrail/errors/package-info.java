/** Errors that say what was expected, what was found and what to do, and suggestions for mistyped names. */
package dev.vitrail.errors;
