package dev.vitrail.cli;

import dev.vitrail.engine.Device;
import picocli.CommandLine.Option;

/** Option that chooses the device. */
final class DeviceOption {
    @Option(names = "--device", defaultValue = "cpu", description = "cpu, cuda or cuda:N (default ${DEFAULT-VALUE}).")
    private String device = "cpu";

    Device device() {
        return Device.parse(device);
    }

    /** Device of one of several processes of this machine: {@code cuda} without a number is a GPU for each. */
    Device deviceOf(int localRank) {
        return device.equals("cuda") ? Device.parse("cuda:" + localRank) : device();
    }
}
