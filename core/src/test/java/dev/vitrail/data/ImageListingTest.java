package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.PathNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ImageListingTest {
    private final Path folder;

    ImageListingTest(@TempDir Path folder) {
        this.folder = folder;
    }

    private List<String> listed(Path... roots) {
        var names = new ArrayList<String>();
        try (var listing = new ImageListing(List.of(roots).iterator())) {
            listing.forEachRemaining(entry -> names.add(folder.relativize(entry.path())
                    + entry.fault().map(fault -> ": " + fault).orElse("")));
        }
        return names;
    }

    @Test
    void givesTheImagesOfAFolderAndThenThoseOfItsFolders() throws IOException {
        for (var name : List.of("b.png", "a/2.jpg", "a/1.jpg", "Z.png", "c.png/x.png", ".hidden/x.png", "a/b/3.webp")) {
            Files.createDirectories(folder.resolve(name).getParent());
            Files.createFile(folder.resolve(name));
        }
        Files.createFile(folder.resolve("notes.txt"));
        Files.createSymbolicLink(folder.resolve("a/round"), folder);
        assertThat(listed(folder)).containsExactly("Z.png", "b.png", "a/1.jpg", "a/2.jpg", "a/b/3.webp", "c.png/x.png");
        assertThat(ImageListing.holdsImage(folder)).isTrue();
        assertThat(ImageListing.holdsImage(folder.resolve("a"))).isTrue();
        assertThat(listed(folder.resolve("gone"), folder.resolve("b.png")))
                .containsExactly("gone: there is no file or folder " + folder.resolve("gone"), "b.png");
    }

    @Test
    void whatIsListedAheadIsTheSame() throws IOException {
        for (int i = 0; i < 300; i++) {
            Files.createFile(folder.resolve("%03d.png".formatted(i)));
        }
        try (var listing = new ImageListing(List.of(folder).iterator())) {
            listing.begin();
            for (var name : listed(folder)) {
                assertThat(listing.next().path()).isEqualTo(folder.resolve(name));
            }
            assertThat(listing.hasNext()).isFalse();
        }
        try (var unused = new ImageListing(List.of(folder).iterator())) {
            unused.begin();
        }
        Iterator<Path> unreadable = Stream.of(folder)
                .map(path -> {
                    throw VitrailException.of("no list");
                })
                .map(Path.class::cast)
                .iterator();
        try (var failing = new ImageListing(unreadable)) {
            failing.begin();
            assertThatThrownBy(failing::hasNext)
                    .isInstanceOf(VitrailException.class)
                    .hasMessage("no list");
        }
    }

    @Test
    void countsWhatItLeavesOut() throws IOException {
        Files.createFile(folder.resolve("1.png"));
        Files.createFile(folder.resolve("2.xyz"));
        try (var listing = new ImageListing(List.of(folder).iterator())) {
            listing.forEachRemaining(entry -> {});
            assertThat(listing.leftOut().sentences())
                    .containsExactly(
                            "1 file .xyz was left out, as the ending is not that of an image format that is read:"
                                    + " convert or remove them");
        }
    }

    @Test
    void namesAreSortedHoweverManyThereAre() {
        var names = new ArrayList<String>();
        for (int i = 0; i < 1003; i++) {
            names.add("%04d é.png".formatted(i));
        }
        var mixed = new ArrayList<>(names);
        Collections.shuffle(mixed, new Random(1));
        try (var sorted = new SortedNames(100)) {
            mixed.forEach(sorted::add);
            var found = new ArrayList<String>();
            sorted.sorted().forEachRemaining(found::add);
            assertThat(found).isEqualTo(names);
        }
    }

    @Test
    void namesOfOtherScriptsArePathsAndText() throws IOException {
        for (var name : List.of("图/写真 é.jpg", "a b%20+.png", "plain.png")) {
            var path = folder.resolve(PathNames.path(name));
            Files.createDirectories(path.getParent());
            Files.createFile(path);
            assertThat(PathNames.text(folder.relativize(path))).isEqualTo(name);
        }
        assertThat(listed(folder)).hasSize(3);
    }
}
