/** Studies: many runs that differ in a few things, and what comes out of them. */
@org.jspecify.annotations.NullMarked
package dev.vitrail.study;
