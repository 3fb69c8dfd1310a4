package dev.vitrail.cli;

import dev.vitrail.VitrailException;
import dev.vitrail.data.ImageFolder;
import dev.vitrail.data.LeftOut;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The images that a command line names: files, and folders with all that lies in them. */
final class ImageInputs {
    private ImageInputs() {}

    static List<Path> files(List<Path> paths) {
        var files = new ArrayList<Path>();
        for (var path : paths) {
            VitrailException.require(Files.exists(path), "there is no file or folder %s", path);
            if (!Files.isDirectory(path)) {
                files.add(path);
                continue;
            }
            int before = files.size();
            var leftOut = new LeftOut();
            files.addAll(ImageFolder.images(path, leftOut));
            leftOut.sentences(path).forEach(sentence -> System.err.println("vitrail: " + sentence));
            VitrailException.require(
                    files.size() > before,
                    "the folder %s holds no images: expected files such as .jpg, .png, .gif, .webp, .bmp or .tif",
                    path);
        }
        return files;
    }

    /** Nothing is written in place of what is there already if there is nothing to write. */
    static void requireSome(int read, List<Path> files) {
        VitrailException.require(read > 0, "none of the %d images could be read", files.size());
    }
}
