package dev.vitrail.cli;

/** The {@code vitrail} command. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.out.println("vitrail");
    }
}
