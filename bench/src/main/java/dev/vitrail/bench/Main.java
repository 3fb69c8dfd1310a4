package dev.vitrail.bench;

import java.util.Arrays;

/** The benchmarks by name; everything else is for JMH, whose {@code -h} lists its options. */
public final class Main {
    private static final String USAGE =
            """
            training [ROUNDS]          a training step of ViT-Tiny, here and in DJL
            inference FOLDER [BATCHES] [THREADS] [ROUNDS]
                                       models as ONNX files, here and in ONNX Runtime, such as: onnx 1,8 2,1
            loading [FOLDER]           training's images per CPU-second, here and with ImageIO and Graphics2D
            products [ROUNDS]          the ways of computing a linear layer, over the shapes of models
            start COMMAND MODEL IMAGE [RUNS]
                                       from the start of the command to its first label
            step MODEL BATCH           where the time of a training step goes
            loop [FOLDER…]             what loading costs the training beside it
            serve MODEL IMAGES [SECONDS] [ROUNDS]
                                       the server beside the library: throughput, latency, overload
            memory STEPS PREDICTIONS   resident memory as they go on
            anything else              JMH, for example: KernelBenchmark -f 1
            """;

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        var rest = arguments.length == 0 ? arguments : Arrays.copyOfRange(arguments, 1, arguments.length);
        switch (arguments.length == 0 ? "" : arguments[0]) {
            case "" -> System.out.print(USAGE);
            case "training" -> TrainingPeers.main(rest);
            case "inference" -> InferencePeers.main(rest);
            case "loading" -> LoadingPeers.main(rest);
            case "products" -> ProductTimes.main(rest);
            case "start" -> StartTimes.main(rest);
            case "step" -> StepProfile.main(rest);
            case "loop" -> LoopProfile.main(rest);
            case "serve" -> ServeLoad.main(rest);
            case "memory" -> MemoryGrowth.main(rest);
            default -> org.openjdk.jmh.Main.main(arguments);
        }
    }
}
