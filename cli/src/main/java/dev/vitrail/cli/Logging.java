package dev.vitrail.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.slf4j.LoggerFactory;

/** Logs go to the standard error stream, warnings alone unless details are asked for. */
final class Logging {
    private Logging() {}

    static void configure(boolean verbose) {
        if (LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME) instanceof Logger root) {
            root.setLevel(verbose ? Level.INFO : Level.WARN);
        }
        if (LoggerFactory.getLogger("dev.vitrail") instanceof Logger own) {
            own.setLevel(verbose ? Level.DEBUG : Level.INFO);
        }
    }
}
