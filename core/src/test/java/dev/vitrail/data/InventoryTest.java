package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class InventoryTest {
    private final Path folder;
    private final Inventory before;

    InventoryTest(@TempDir Path folder) {
        this.folder = folder;
        for (String name : List.of("ants/1.png", "ants/2.png", "bees/1.png", "bees/2.png")) {
            TestImages.write(folder.resolve(name), name.hashCode());
        }
        before = now();
    }

    private Inventory now() {
        return Inventory.of(ImageFolder.open(folder));
    }

    private void changed(String difference) {
        assertThat(before.difference(now())).hasValue(difference);
        assertThat(now()).isNotEqualTo(before);
    }

    @Test
    void isTheSameForTheSameData() {
        assertThat(now()).isEqualTo(before);
        assertThat(before.difference(now())).isEmpty();
        before.requireSame(now(), "the data");
    }

    @Test
    void namesFilesThatAreGoneNewOrChanged() throws IOException {
        Files.delete(folder.resolve("ants/2.png"));
        changed("1 image is gone ('ants/2.png')");
        TestImages.write(folder.resolve("bees/3.png"), 7);
        Files.write(folder.resolve("bees/1.png"), new byte[7]);
        changed("1 image is gone ('ants/2.png'), 1 image is new ('bees/3.png'), 1 image is changed ('bees/1.png')");
        assertThatThrownBy(() -> before.requireSame(now(), "photos"))
                .isInstanceOf(VitrailException.class)
                .hasMessageStartingWith("photos is not what the run began with: 1 image is gone")
                .hasMessageEndingWith("begin a new run");
    }

    @Test
    void namesClassesThatAreGoneOrNew() throws IOException {
        Files.move(folder.resolve("ants"), folder.resolve("emmets"));
        changed("1 class is gone ('ants'), 1 class is new ('emmets')");
    }

    @Test
    void noticesLabelsAndOrder() throws IOException {
        Files.writeString(folder.resolve("a.csv"), "ants/1.png,0\nbees/1.png,1\n");
        Files.writeString(folder.resolve("b.csv"), "ants/1.png,1\nbees/1.png,1\n");
        Files.writeString(folder.resolve("c.csv"), "bees/1.png,1\nants/1.png,0\n");
        var first = labelled("a.csv");
        assertThat(first.difference(labelled("b.csv"))).hasValue("1 image is labelled otherwise ('ants/1.png')");
        assertThat(first.difference(labelled("c.csv"))).hasValue("the images are in another order");
    }

    private Inventory labelled(String csv) {
        return Inventory.of(LabelledFolder.open(folder, folder.resolve(csv), java.util.Optional.empty()));
    }

    @Test
    void seesTheContentOfWhatIsInMemory() {
        var easy = new StainedGlass(Split.TRAIN, 24, 0, StainedGlass.Difficulty.STANDARD);
        var other = new StainedGlass(Split.TRAIN, 24, 1, StainedGlass.Difficulty.STANDARD);
        assertThat(Inventory.of(easy).difference(Inventory.of(other)))
                .hasValueSatisfying(difference -> assertThat(difference).startsWith("24 images are changed"));
        assertThat(Inventory.of(new Subset(easy, new int[] {3, 5}, "two")).entries())
                .isEqualTo(List.of(
                        Inventory.of(easy).entries().get(3),
                        Inventory.of(easy).entries().get(5)));
    }

    @Test
    void readsBackWhatItWrote() throws IOException {
        var file = folder.resolve("run/data.json.gz");
        before.write(file);
        assertThat(Inventory.read(file)).isEqualTo(before);
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> Inventory.read(file))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("data.json.gz");
    }
}
