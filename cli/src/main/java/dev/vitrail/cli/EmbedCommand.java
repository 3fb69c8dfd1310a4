package dev.vitrail.cli;

import picocli.CommandLine.Command;

@Command(name = "embed")
final class EmbedCommand implements Runnable {
    @Override
    public void run() {}
}
