package dev.vitrail;

import dev.vitrail.data.BrokenImage;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.doctor.Diagnosis;
import dev.vitrail.doctor.RecipeDoctor;
import dev.vitrail.engine.Device;
import java.util.function.Consumer;

/**
 * Options of a {@link TrainingRun} that do not affect its result.
 *
 * @param device where the model is trained
 * @param workers threads that decode; 0 for the machine's cores
 * @param broken is told of each image that cannot be read
 * @param doctor whether a run that begins is first examined by the {@link RecipeDoctor}, which may refuse it
 * @param found is told of what the doctor finds and does not refuse
 * @param strict whether the run is refused where a file of the data cannot be used as a whole, and stops at the
 *     first image that cannot be read
 * @param group the processes that make the run together; remains the caller's to close, and to tell if this process
 *     cannot go on
 */
public record RunOptions(
        Device device,
        int workers,
        Consumer<BrokenImage> broken,
        boolean doctor,
        Consumer<Diagnosis> found,
        boolean strict,
        ProcessGroup group) {
    /** Options of a run in one process, on the CPU. */
    public static final RunOptions DEFAULT =
            new RunOptions(Device.CPU, 0, broken -> {}, true, found -> {}, false, ProcessGroup.single());

    public RunOptions withDevice(Device other) {
        return new RunOptions(other, workers, broken, doctor, found, strict, group);
    }

    public RunOptions withWorkers(int count) {
        return new RunOptions(device, count, broken, doctor, found, strict, group);
    }

    public RunOptions withBroken(Consumer<BrokenImage> other) {
        return new RunOptions(device, workers, other, doctor, found, strict, group);
    }

    public RunOptions withFound(Consumer<Diagnosis> other) {
        return new RunOptions(device, workers, broken, doctor, other, strict, group);
    }

    public RunOptions withStrict(boolean choice) {
        return new RunOptions(device, workers, broken, doctor, found, choice, group);
    }

    public RunOptions withoutDoctor() {
        return new RunOptions(device, workers, broken, false, found, strict, group);
    }

    public RunOptions withGroup(ProcessGroup other) {
        return new RunOptions(device, workers, broken, doctor, found, strict, other);
    }
}
