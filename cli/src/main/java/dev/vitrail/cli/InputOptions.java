package dev.vitrail.cli;

import dev.vitrail.engine.Device;
import dev.vitrail.images.ImageSize;
import dev.vitrail.loading.LoadOptions;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of the input size and the device of a model. */
final class InputOptions {
    /** Makes a size of an argument. */
    static final class SizeConverter implements ITypeConverter<ImageSize> {
        @Override
        public ImageSize convert(String text) {
            return ImageSize.parse(text);
        }
    }

    @Option(
            names = "--size",
            paramLabel = "PIXELS",
            converter = SizeConverter.class,
            description = "Input size in pixels, or HEIGHTxWIDTH; position embeddings are interpolated.")
    private Optional<ImageSize> size = Optional.empty();

    @Mixin
    private DeviceOption device = new DeviceOption();

    Device device() {
        return device.device();
    }

    /** Load options for this size and device. */
    LoadOptions loading() {
        var options = LoadOptions.DEFAULT.withDevice(device());
        return size.map(wanted -> options.withImage(wanted.height(), wanted.width()))
                .orElse(options);
    }
}
