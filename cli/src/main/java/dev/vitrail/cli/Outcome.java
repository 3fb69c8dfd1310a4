package dev.vitrail.cli;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Result of one image.
 *
 * @param file as the command names it
 * @param fault why it could not be read; empty where it could
 * @param result class scores or a vector; empty where it could not be read
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
record Outcome(Path file, Optional<String> fault, float[] result) {}
