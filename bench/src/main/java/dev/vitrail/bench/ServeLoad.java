package dev.vitrail.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.vitrail.Vitrail;
import dev.vitrail.data.Batch;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.serve.ServerOptions;
import dev.vitrail.serve.VitrailServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The server beside the library in the same process: throughput of 64 connections beside the fastest loop of batches,
 * latency of one connection beside a direct call, and what is left at five times the load. The client runs in this
 * process too, and its work is charged to the server.
 */
final class ServeLoad {
    private static final int CONNECTIONS = 64, OVERLOAD = 5;
    /** Share of the time that Java's compiler may take in what is measured. */
    private static final double COMPILED = 0.02;

    private static final int MOST_WARM_UPS = 20;
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final List<Integer> BATCHES = List.of(1, 2, 4, 8, 16, 32);

    private final List<byte[]> images;
    private final List<byte[]> requests;
    private final Vitrail direct;
    private final int port;
    private final double seconds;

    private ServeLoad(List<byte[]> images, Vitrail direct, int port, double seconds) {
        this.images = images;
        this.requests = images.stream().map(LoadClient::request).toList();
        this.direct = direct;
        this.port = port;
        this.seconds = seconds;
    }

    public static void main(String[] arguments) throws Exception {
        var model = arguments[0];
        var images = photos(Path.of(arguments[1]));
        double seconds = arguments.length > 2 ? Double.parseDouble(arguments[2]) : 10;
        int rounds = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 5;
        var options = ServerOptions.DEFAULT.withPort(0);
        try (var direct = Vitrail.load(model);
                var server = VitrailServer.start(
                        options,
                        Map.of("model", model),
                        source -> LoadedModel.load(source, LoadOptions.DEFAULT),
                        false)) {
            server.loadModels();
            new ServeLoad(images, direct, server.port(), seconds).measure(rounds);
        }
    }

    private static List<byte[]> photos(Path folder) throws IOException {
        var photos = new ArrayList<byte[]>();
        try (var files = Files.list(folder)) {
            for (var file : files.sorted().limit(64).toList()) {
                photos.add(Files.readAllBytes(file));
            }
        }
        return photos;
    }

    private void measure(int rounds) throws Exception {
        int batch = bestBatch();
        warmUp();
        var inProcess = new ArrayList<Rate>();
        var served = new ArrayList<Rate>();
        for (int round = 0; round < rounds; round++) {
            inProcess.add(batches(batch));
            served.add(throughput());
        }
        var ratios = new ArrayList<Double>();
        for (int round = 0; round < rounds; round++) {
            ratios.add(served.get(round).images() / inProcess.get(round).images());
        }
        double peak = Rate.images(served);
        System.out.printf(
                "throughput: batches of %d in process %.1f images/s (%.2f ms of CPU each),"
                        + " %d connections %.1f images/s (%.2f ms of CPU each), ratio %.3f (%s)%n",
                batch,
                Rate.images(inProcess),
                Rate.cpu(inProcess),
                CONNECTIONS,
                peak,
                Rate.cpu(served),
                Medians.of(ratios),
                ratios);
        latency();
        overload(peak);
    }

    /**
     * Throughput and processor time, measured over some seconds.
     *
     * @param images a second
     * @param cpuMillis of the process for an image
     */
    private record Rate(double images, double cpuMillis) {
        static Rate of(int images, long begin, long cpuBegin) {
            return new Rate(
                    images / ((System.nanoTime() - begin) / 1e9),
                    (PROCESS.getProcessCpuTime() - cpuBegin) / 1e6 / images);
        }

        static double images(List<Rate> rates) {
            return Medians.of(rates.stream().map(Rate::images).toList());
        }

        static double cpu(List<Rate> rates) {
            return Medians.of(rates.stream().map(Rate::cpuMillis).toList());
        }
    }

    // ---------------------------------------------------------------------------------------------------- throughput

    private int bestBatch() throws Exception {
        int best = 1;
        double most = 0;
        for (int batch : BATCHES) {
            double rate = batches(batch).images();
            System.out.printf("in process, batches of %d: %.1f images/s%n", batch, rate);
            if (rate > most) {
                most = rate;
                best = batch;
            }
        }
        return best;
    }

    /** Images/s of a loop that decodes the next batch on all cores while the model runs one. */
    private Rate batches(int batch) throws Exception {
        var decoders = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            long cpuBegin = PROCESS.getProcessCpuTime();
            long begin = System.nanoTime(), end = begin + (long) (seconds * 1e9);
            int next = 0, done = 0;
            var ahead = decode(decoders, next, batch);
            while (System.nanoTime() < end) {
                next += batch;
                var following = decode(decoders, next, batch);
                var values = direct.loaded().preprocessing().values();
                var input =
                        ByteBuffer.allocateDirect(Float.BYTES * values * batch).order(ByteOrder.nativeOrder());
                var floats = input.asFloatBuffer();
                for (var image : ahead) {
                    floats.put(image.get());
                }
                direct.run(batch(input, batch), true);
                done += batch;
                ahead = following;
            }
            return Rate.of(done, begin, cpuBegin);
        } finally {
            decoders.shutdownNow();
        }
    }

    private Batch batch(ByteBuffer images, int count) {
        var input = direct.loaded().preprocessing();
        return new Batch(
                0, count, input.channels(), input.height(), input.width(), images, new int[count], new int[count]);
    }

    private List<Future<float[]>> decode(ExecutorService decoders, int from, int count) {
        var images = new ArrayList<Future<float[]>>();
        for (int i = from; i < from + count; i++) {
            var bytes = this.images.get(i % this.images.size());
            images.add(decoders.submit(() -> {
                var input = direct.loaded().preprocessing();
                var values = new float[input.values()];
                RgbImage image = ImageDecoder.decode(bytes, "it", DecodeOptions.DEFAULT);
                input.toFloats(image, values, 0);
                return values;
            }));
        }
        return images;
    }

    /** Loads the server until Java has compiled its code: the compiler takes a tenth of two cores for a minute. */
    private void warmUp() throws Exception {
        var compiler = ManagementFactory.getCompilationMXBean();
        double share;
        int rounds = 0;
        do {
            long before = compiler.getTotalCompilationTime(), begin = System.nanoTime();
            throughput();
            share = (compiler.getTotalCompilationTime() - before) / ((System.nanoTime() - begin) / 1e6);
            rounds++;
        } while (share > COMPILED && rounds < MOST_WARM_UPS);
        System.out.printf("warmed up: %d rounds, %.3f of the last one compiling%n", rounds, share);
    }

    /** Images/s of connections that each send the next image when the last is answered. */
    private Rate throughput() throws Exception {
        long cpuBegin = PROCESS.getProcessCpuTime();
        long begin = System.nanoTime(), end = begin + (long) (seconds * 1e9);
        int done = 0;
        for (int count : onConnections(CONNECTIONS, connection -> {
            int answered = 0;
            try (var client = new LoadClient(port)) {
                for (int i = connection; System.nanoTime() < end; i++) {
                    require(client.send(requests.get(i % requests.size())));
                    answered++;
                }
            }
            return answered;
        })) {
            done += count;
        }
        return Rate.of(done, begin, cpuBegin);
    }

    private interface Connection<T> {
        T run(int index) throws Exception;
    }

    private static <T> List<T> onConnections(int count, Connection<T> work) throws Exception {
        var threads = Executors.newFixedThreadPool(count);
        try {
            var tasks = new ArrayList<Callable<T>>();
            for (int i = 0; i < count; i++) {
                int index = i;
                tasks.add(() -> work.run(index));
            }
            var results = new ArrayList<T>();
            for (var result : threads.invokeAll(tasks)) {
                results.add(result.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    private static void require(int status) {
        if (status != 200) {
            throw new IllegalStateException("a request was answered with " + status);
        }
    }

    // ------------------------------------------------------------------------------------------------------- latency

    private void latency() throws Exception {
        var calls = new ArrayList<Double>();
        var answers = new ArrayList<Double>();
        var differences = new ArrayList<Double>();
        try (var client = new LoadClient(port)) {
            for (int i = 0; i < 20 + 15 * seconds; i++) {
                int image = i % images.size();
                long begin = System.nanoTime();
                direct.classify(images.get(image));
                long between = System.nanoTime();
                require(client.send(requests.get(image)));
                long end = System.nanoTime();
                if (i >= 20) {
                    calls.add((between - begin) / 1e6);
                    answers.add((end - between) / 1e6);
                    differences.add((end - between - (between - begin)) / 1e6);
                }
            }
        }
        System.out.printf(
                "latency: direct call %.2f ms, one connection %.2f ms, difference %.2f ms (medians of %d)%n",
                Medians.of(calls), Medians.of(answers), Medians.of(differences), calls.size());
    }

    // ------------------------------------------------------------------------------------------------------ overload

    private record Answers(int good, int refused, int lost, List<Double> refusalMillis) {}

    /** Requests at five times the rate that the server can answer, whether answered or not. */
    private void overload(double peak) throws Exception {
        double rate = OVERLOAD * peak;
        int connections = 4 * CONNECTIONS;
        long before = NativeMemory.residentBytes().orElse(0);
        long begin = System.nanoTime(), end = begin + (long) (4 * seconds * 1e9);
        var all = onConnections(connections, connection -> overload(connection, begin, end, connections / rate));
        double elapsed = (System.nanoTime() - begin) / 1e9;
        int good = 0, refused = 0, lost = 0;
        var millis = new ArrayList<Double>();
        for (var answers : all) {
            good += answers.good();
            refused += answers.refused();
            lost += answers.lost();
            millis.addAll(answers.refusalMillis());
        }
        Collections.sort(millis);
        System.out.printf(
                "overload: %.0f requests/s offered, %.1f images/s answered (%.3f of the peak), %d refused, %d lost,"
                        + " refusals median %.2f ms, p99 %.2f ms, resident memory %+.1f MiB%n",
                (good + refused + lost) / elapsed,
                good / elapsed,
                good / elapsed / peak,
                refused,
                lost,
                at(millis, 0.5),
                at(millis, 0.99),
                (NativeMemory.residentBytes().orElse(0) - before) / (double) (1 << 20));
    }

    private static double at(List<Double> sorted, double share) {
        return sorted.isEmpty() ? 0 : sorted.get((int) (share * (sorted.size() - 1)));
    }

    private Answers overload(int connection, long begin, long end, double interval) throws Exception {
        int good = 0, refused = 0, lost = 0;
        var millis = new ArrayList<Double>();
        try (var client = new LoadClient(port)) {
            long next = begin + (long) (1e9 * interval * connection / (4 * CONNECTIONS));
            for (int i = connection;
                    next < end;
                    i++, next = Math.max(next + (long) (1e9 * interval), System.nanoTime())) {
                TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
                long sent = System.nanoTime();
                try {
                    int status = client.send(requests.get(i % requests.size()));
                    if (status == 200) {
                        good++;
                    } else {
                        refused++;
                        millis.add((System.nanoTime() - sent) / 1e6);
                    }
                } catch (IOException e) {
                    lost++;
                    client.reconnect();
                }
            }
        }
        return new Answers(good, refused, lost, millis);
    }
}
