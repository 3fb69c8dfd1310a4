package dev.vitrail.cli;

import picocli.CommandLine.Command;

@Command(name = "models")
final class ModelsCommand implements Runnable {
    @Override
    public void run() {}
}
