package dev.vitrail.images;

import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
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
            var image = reader.read(0);
            var rgb = new RgbImage(image.getWidth(), image.getHeight(), Rasters.toRgb(image));
            return Orientation.of(directory.orientation()).apply(rgb);
        } finally {
            reader.dispose();
        }
    }
}
