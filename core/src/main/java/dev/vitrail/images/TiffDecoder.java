package dev.vitrail.images;

import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
import java.awt.image.Raster;
import java.io.IOException;
import javax.imageio.spi.ImageReaderSpi;

/** The first page of a TIFF file, through TwelveMonkeys. */
final class TiffDecoder {
    private static final ImageReaderSpi READER = new TIFFImageReaderSpi();

    private TiffDecoder() {}

    static RgbImage decode(Encoded file) throws IOException {
        var directory = TiffDirectory.parse(file);
        file.checkSize(directory.width(), directory.height());
        var reader = READER.createReaderInstance();
        try (var stream = file.stream(directory.content())) {
            reader.setInput(stream, true, true);
            byte[] pixels = directory.inks()
                    ? fromInks(reader.readRaster(0, reader.getDefaultReadParam()))
                    : Rasters.toRgb(reader.read(0));
            var rgb = new RgbImage((int) directory.width(), (int) directory.height(), pixels);
            return Orientation.of(directory.orientation()).apply(rgb);
        } finally {
            reader.dispose();
        }
    }

    private static byte[] fromInks(Raster raster) {
        byte[] levels = Rasters.bytes(raster, 4).clone();
        for (int i = 0; i < levels.length; i++) {
            levels[i] = (byte) ~levels[i];
        }
        return Rasters.inkToRgb(levels, true);
    }
}
