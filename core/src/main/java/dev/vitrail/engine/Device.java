package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import org.bytedeco.pytorch.global.torch;

/**
 * Device of a tensor: {@code cpu}, {@code cuda:N}, or {@code meta}, which has shapes and types but no storage.
 *
 * @param type which sort of device
 * @param index number of the GPU; 0 elsewhere
 */
public record Device(Type type, int index) {
    /** The sorts of device. */
    public enum Type {
        CPU,
        CUDA,
        META
    }

    public static final Device CPU = new Device(Type.CPU, 0);

    /** Shapes and types without storage: a model of any size is built in milliseconds, to be counted or loaded. */
    public static final Device META = new Device(Type.META, 0);

    public Device {
        if (index < 0 || (type != Type.CUDA && index != 0)) {
            throw new IllegalArgumentException("device " + type + " has no index " + index);
        }
    }

    /**
     * The device of that name.
     *
     * @param name {@code cpu}, {@code cuda} or {@code cuda:N}
     */
    public static Device parse(String name) {
        if (name.equals("cpu")) {
            return CPU;
        }
        if (name.equals("meta")) {
            return META;
        }
        if (name.matches("cuda(:\\d{1,3})?")) {
            var device = new Device(Type.CUDA, name.length() == 4 ? 0 : Integer.parseInt(name.substring(5)));
            Natives.load();
            VitrailException.require(
                    torch.hasCUDA(),
                    "device %s was asked for, but the libtorch in use was built without CUDA or finds no GPU: put the"
                            + " classifier linux-x86_64-gpu of org.bytedeco:pytorch on the class path, or use cpu",
                    name);
            return device;
        }
        throw VitrailException.of("unknown device '%s': expected cpu, cuda or cuda:N", name);
    }

    org.bytedeco.pytorch.Device handle() {
        return new org.bytedeco.pytorch.Device(toString());
    }

    @Override
    public String toString() {
        return switch (type) {
            case CPU -> "cpu";
            case META -> "meta";
            case CUDA -> "cuda:" + index;
        };
    }
}
