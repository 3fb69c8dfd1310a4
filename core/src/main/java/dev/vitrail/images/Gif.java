package dev.vitrail.images;

import java.io.IOException;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** The first frame of a GIF on its canvas, which may be larger than the frame. */
final class Gif {
    private Gif() {}

    static RgbImage decode(ImageReader reader) throws IOException {
        var frame = Pixels.of(reader.read(0));
        var screen = find(reader.getStreamMetadata(), "LogicalScreenDescriptor");
        var place = find(reader.getImageMetadata(0), "ImageDescriptor");
        int width = number(screen, "logicalScreenWidth", frame.width());
        int height = number(screen, "logicalScreenHeight", frame.height());
        int left = number(place, "imageLeftPosition", 0), top = number(place, "imageTopPosition", 0);
        if (left == 0 && top == 0 && width == frame.width() && height == frame.height()) {
            return frame;
        }
        return place(frame, left, top, Math.max(width, left + frame.width()), Math.max(height, top + frame.height()));
    }

    private static RgbImage place(RgbImage frame, int left, int top, int width, int height) {
        var pixels = new byte[Math.multiplyExact(Math.multiplyExact(3, width), height)];
        for (int y = 0; y < frame.height(); y++) {
            System.arraycopy(
                    frame.pixels(), 3 * y * frame.width(), pixels, 3 * ((top + y) * width + left), 3 * frame.width());
        }
        return new RgbImage(width, height, pixels);
    }

    private static Node find(IIOMetadata metadata, String name) {
        var root = metadata.getAsTree(metadata.getNativeMetadataFormatName());
        for (var child = root.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (child.getNodeName().equals(name)) {
                return child;
            }
        }
        return root;
    }

    private static int number(Node node, String attribute, int otherwise) {
        var text = node instanceof Element element ? element.getAttribute(attribute) : "";
        return text.matches("\\d{1,9}") ? Integer.parseInt(text) : otherwise;
    }
}
