package dev.vitrail.spark;

import dev.vitrail.RunOptions;
import dev.vitrail.TrainingJob;
import dev.vitrail.TrainingRun;
import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.distributed.Rendezvous;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.report.RunReport;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingRequest;
import dev.vitrail.train.TrainingResult;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.BarrierTaskInfo;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

/** One rank of a training, as a task of a barrier stage; goes to executors. */
final class RankTask extends AbstractFunction1<Iterator<Integer>, Iterator<RankTask.Outcome>> implements Serializable {
    private static final long serialVersionUID = 1;
    private static final Logger LOG = LoggerFactory.getLogger(RankTask.class);

    /** All ranks have a task when they begin to meet. */
    private static final Duration JOIN = Duration.ofMinutes(1);

    private final String recipe;
    private final String options;
    private final int pretrain;
    private final String folder;
    private final boolean resume;

    /**
     * Result of a rank. Bad input is no failure of the task, which Spark would try again.
     *
     * @param model null where the input was refused
     * @param refusal the sentence, else empty
     */
    record Outcome(@Nullable TrainedModel model, String refusal) implements Serializable {
        /** @throws VitrailException if the input was refused */
        TrainedModel trained() {
            if (model == null) {
                throw new VitrailException(refusal);
            }
            return model;
        }
    }

    /**
     * @param options as YAML
     * @param pretrain epochs of pretraining; 0 for none, or for those that a run in the folder has
     * @param resume whether to go on with the run in the folder, if it holds one
     */
    RankTask(String recipe, String options, int pretrain, String folder, boolean resume) {
        this.recipe = recipe;
        this.options = options;
        this.pretrain = pretrain;
        this.folder = folder;
        this.resume = resume;
    }

    /**
     * Runs all ranks; the outcome is rank 0's.
     *
     * @throws SparkException if a task or its executor is lost
     */
    Outcome run(SparkContext context, int processes) throws SparkException {
        return JavaSparkContext.fromSparkContext(context)
                .parallelize(IntStream.range(0, processes).boxed().toList(), processes)
                .rdd()
                .barrier()
                .mapPartitions(this, true, ClassTag$.MODULE$.<Outcome>apply(Outcome.class))
                .toJavaRDD()
                .collect()
                .get(0);
    }

    @Override
    public Iterator<Outcome> apply(Iterator<Integer> ranks) {
        var context = BarrierTaskContext.get();
        Threads.set(context.cpus());
        Outcome outcome;
        try {
            var result = ProcessGroup.run(
                    meet(context),
                    ProcessGroup.Settings.DEFAULT.withJoin(JOIN),
                    group -> train(group, context),
                    RankTask::leave);
            outcome = new Outcome(model(result), "");
        } catch (PeerLostException e) {
            throw e; // all ranks start again
        } catch (VitrailException e) {
            outcome = new Outcome(null, String.valueOf(e.getMessage()));
        }
        return CollectionConverters.asScala(List.of(outcome).iterator());
    }

    /**
     * Ranks meet at a port of rank 0's executor, which is held until all know it. It is free again before any of them
     * connects: who connected to the socket that holds it would be sent away.
     */
    private static Rendezvous meet(BarrierTaskContext context) {
        int rank = context.partitionId();
        var hosts = Arrays.stream(context.getTaskInfos())
                .map(BarrierTaskInfo::address)
                .map(address -> address.replaceFirst(":\\d+$", ""))
                .toList();
        String port;
        try (var held = rank == 0 ? new ServerSocket(0, 1, InetAddress.getByName(hosts.get(0))) : null) {
            port = context.allGather(held == null ? "" : Integer.toString(held.getLocalPort()))[0];
        } catch (IOException e) {
            throw new VitrailException(
                    "the executor of rank 0 cannot wait for the others at %s: %s"
                            .formatted(hosts.get(0), e.getMessage()),
                    e);
        }
        context.barrier();
        int local = (int)
                hosts.subList(0, rank).stream().filter(hosts.get(rank)::equals).count();
        return new Rendezvous(hosts.get(0), Integer.parseInt(port), rank, hosts.size(), local);
    }

    private TrainingResult train(ProcessGroup group, BarrierTaskContext context) {
        var run = new RunFolder(Path.of(folder));
        // A run that was lost before it wrote anything begins.
        boolean resumes = group.share(() -> String.valueOf(resume && Files.exists(run.config())))
                .equals("true");
        var device = device(context);
        var settings = RunOptions.DEFAULT
                .withDevice(device)
                .withWorkers(context.cpus())
                .withGroup(group)
                .withBroken(broken -> LOG.warn("{}", broken.sentence()))
                .withFound(found -> LOG.warn("{}", found));
        var request = new TrainingRequest(recipe, TrainingConfigFile.overrides(options, "the options of the trainer"));
        var epochs = pretrain > 0 ? OptionalInt.of(pretrain) : OptionalInt.empty();
        var job = resumes
                ? TrainingJob.resume(request, epochs, run, settings)
                : TrainingJob.begin(request, epochs, run, settings, reason -> LOG.info("{}", reason));
        return job.run((stage, training) -> {
            training.trainer().listener(stopWhenKilled(training, context));
            if (group.isFirst()) {
                training.trainer().listener(new RunReport(stage, training.sets(), device));
            }
            return training.run();
        });
    }

    private static TrainingListener stopWhenKilled(TrainingRun training, BarrierTaskContext context) {
        return new TrainingListener() {
            @Override
            public void stepped(Step step) {
                if (context.isInterrupted()) {
                    training.trainer().requestStop();
                }
            }
        };
    }

    /** The GPU that Spark has assigned to a task, else the CPU. */
    static Device device(TaskContext context) {
        var gpu = context.resourcesJMap().get("gpu");
        return gpu == null ? Device.CPU : Device.parse("cuda:" + gpu.addresses()[0]);
    }

    private static TrainedModel model(TrainingResult result) {
        var epochs = result.epochs();
        return new TrainedModel(
                result.folder().toString(),
                epochs.size(),
                result.bestEpoch(),
                result.bestTop1(),
                epochs.isEmpty() ? Double.NaN : epochs.get(epochs.size() - 1).validationLoss(),
                result.seconds());
    }

    /**
     * A rank that does not come back would keep Spark from starting again: its executor ends, and Spark starts another.
     */
    private static void leave(VitrailException lost) {
        LOG.error("{}; this executor ends, as its rank does not come back", lost.getMessage());
        Runtime.getRuntime().halt(1);
    }
}
