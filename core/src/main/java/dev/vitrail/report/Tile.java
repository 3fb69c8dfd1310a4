package dev.vitrail.report;

/** A figure and its meaning, at the head of a page. */
record Tile(String value, String meaning) {}
