package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Resources that Spark gives each executor.
 *
 * @param cores tasks' cores of an executor
 * @param taskCpus cores of a task, {@code spark.task.cpus}
 * @param jvm MiB outside the heap that Spark reserves for the JVM itself by default
 * @param overhead MiB outside the heap that are reserved now
 * @param binding whether exceeding them ends an executor (YARN, Kubernetes), or the user has named them
 */
record ExecutorSizing(int cores, int taskCpus, long jvm, long overhead, boolean binding) {
    private static final Logger LOG = LoggerFactory.getLogger(ExecutorSizing.class);

    private static final Pattern LOCAL_CLUSTER = Pattern.compile("local-cluster\\[\\s*\\d+\\s*,\\s*(\\d+)\\s*,.*");

    private static final String OVERHEAD = "spark.executor.memoryOverhead";

    /** Figures are rounded up to as many MiB. */
    private static final long ROUNDED = 64;

    /**
     * Reads the sizing by Spark's documentation of configuration, "Application Properties" and "Execution Behavior".
     */
    static ExecutorSizing of(SparkContext context) {
        return of(
                context.conf(),
                context.master(),
                context.defaultParallelism(),
                // The driver is listed among them.
                context.getExecutorMemoryStatus().size() - 1);
    }

    static ExecutorSizing of(SparkConf conf, String master, int parallelism, int executors) {
        int taskCpus = conf.getInt("spark.task.cpus", 1);
        long heap = conf.getSizeAsMb("spark.executor.memory", "1g");
        double factor = conf.getDouble("spark.executor.memoryOverheadFactor", 0.1);
        long jvm = Math.max(conf.getSizeAsMb("spark.executor.minMemoryOverhead", "384m"), (long) (factor * heap));
        long overhead = conf.contains(OVERHEAD) ? conf.getSizeAsMb(OVERHEAD) : jvm;
        boolean binding = conf.contains(OVERHEAD) || master.startsWith("yarn") || master.startsWith("k8s");
        return new ExecutorSizing(cores(conf, master, parallelism, executors), taskCpus, jvm, overhead, binding);
    }

    /** Standalone clusters give an executor all cores of a worker, which only the executors there are can tell. */
    private static int cores(SparkConf conf, String master, int parallelism, int executors) {
        if (conf.contains("spark.executor.cores")) {
            return conf.getInt("spark.executor.cores", 1);
        }
        var local = LOCAL_CLUSTER.matcher(master);
        if (local.matches()) {
            return Integer.parseInt(local.group(1));
        }
        return master.startsWith("spark:") && executors > 0 ? Math.max(1, parallelism / executors) : 1;
    }

    /** Tasks that an executor runs at once. */
    int tasks() {
        return Math.max(1, cores / taskCpus);
    }

    /**
     * Refuses a model that an executor has not the memory for, or warns where nobody would end the executor for that.
     *
     * @throws VitrailException with the number to set
     */
    void check(String model, MemoryNeed need) {
        long wanted = roundUp(jvm + mib(need.total(tasks())));
        if (overhead >= wanted) {
            return;
        }
        var sentence = ("an executor needs %d MiB outside its heap for the model '%s', and %s gives it %d: set %s"
                                + " to %dm or more, or lower batchSize")
                        .formatted(wanted, model, OVERHEAD, overhead, OVERHEAD, wanted)
                + (" (%d for the JVM, %d for libtorch, %d for the weights, and %d for each of %d"
                                + " tasks at once with batches of %d)")
                        .formatted(
                                jvm,
                                mib(need.libraries()),
                                mib(need.weights()),
                                mib(need.task()),
                                tasks(),
                                need.batch());
        VitrailException.require(!binding, "%s", sentence);
        LOG.warn("{}; this cluster manager does not enforce it", sentence);
    }

    private static long mib(long bytes) {
        return (bytes + (1 << 20) - 1) >> 20;
    }

    private static long roundUp(long mib) {
        return (mib + ROUNDED - 1) / ROUNDED * ROUNDED;
    }
}
