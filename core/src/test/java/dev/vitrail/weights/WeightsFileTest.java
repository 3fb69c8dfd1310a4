package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.weights.torch.TorchFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightsFileTest {
    @TempDir
    Path folder = Path.of("");

    private final StoredTensor a = StoredTensor.of("a", new float[] {1}, 1);
    private final StoredTensor b = StoredTensor.of("b", new float[] {2}, 1);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ckpt_pth.safetensors",
                "ckpt_pth_plain_zip.pth",
                "ckpt_pth_plain_legacy.pth",
                "ckpt_npz_plain.npz",
                "ckpt_npz_hybrid.npz"
            })
    void goesByContentAndNotByName(String name) throws IOException {
        var disguised = Files.write(folder.resolve("weights.jpg"), Golden.bytes(name));
        var wanted = WeightsFile.read(Golden.CHECKPOINTS.resolve(name));
        assertThat(WeightsFile.read(disguised).names()).containsExactlyElementsOf(wanted.names());
        assertThat(wanted.size()).isGreaterThan(5);
    }

    @Test
    void saysWhatItFoundWhereNothingFits() throws IOException {
        var path = folder.resolve("x");
        assertRefused(() -> WeightsFile.read(path), "does not exist");
        Files.write(path, new byte[0]);
        assertRefused(() -> WeightsFile.read(path), "it is empty");
        Files.writeString(path, "\u0089HDF\r\n\u001a\n and more");
        assertRefused(() -> WeightsFile.read(path), "48 44 46");
        Files.writeString(path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
        assertRefused(() -> WeightsFile.read(path), "Git LFS");
        assertRefused(() -> WeightsFile.read(Files.createDirectory(folder.resolve("empty"))), "holds no weights");
    }

    @Test
    void aFolderGivesWhatIsSafestFirst() throws IOException {
        Files.write(folder.resolve("checkpoint.pth"), Golden.bytes("ckpt_pth_plain_zip.pth"));
        assertThat(WeightsFile.read(folder).size()).isEqualTo(20);
        Files.write(folder.resolve("other.pth"), Golden.bytes("ckpt_pth_plain_zip.pth"));
        assertRefused(() -> WeightsFile.read(folder), "[checkpoint.pth, other.pth]");
        Files.write(folder.resolve("pytorch_model.bin"), Golden.bytes("ckpt_pth_half_zip.pth"));
        assertThat(WeightsFile.read(folder).size()).isEqualTo(20);
        Safetensors.write(folder.resolve("model.safetensors"), List.of(a));
        assertThat(WeightsFile.read(folder).names()).containsExactly("a");
    }

    @Test
    void shardsArePutTogether() throws IOException {
        shard("one.safetensors", List.of(a));
        shard("two.safetensors", List.of(b));
        index("{\"metadata\":{\"total_size\":8},\"weight_map\":{\"b\":\"two.safetensors\",\"a\":\"one.safetensors\"}}");
        var dict = WeightsFile.read(folder);
        assertThat(dict.names()).containsExactly("b", "a");
        assertThat(dict.get("b").toFloats()).containsExactly(2);
    }

    @Test
    void shardsThatDoNotFitTheirIndexAreRefused() throws IOException {
        shard("one.safetensors", List.of(a));
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
        assertRefused(() -> WeightsFile.read(folder), "needs two.safetensors");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\"}}");
        assertRefused(() -> WeightsFile.read(folder), "places tensor b");
        shard("one.safetensors", List.of(a, b));
        index("{\"weight_map\":{\"a\":\"one.safetensors\"}}");
        assertRefused(() -> WeightsFile.read(folder), "holds tensor b");
        for (String name : List.of("../one.safetensors", "/etc/passwd", "..", "a\\\\b", "", ".hidden")) {
            index("{\"weight_map\":{\"a\":\"" + name + "\"}}");
            assertRefused(() -> WeightsFile.read(folder), "same folder");
        }
        index("{\"weight_map\":{\"a\":1}}");
        assertRefused(() -> WeightsFile.read(folder), "same folder");
        index("{\"a\":1}");
        assertRefused(() -> WeightsFile.read(folder), "no weight_map");
        index("[]");
        assertRefused(() -> WeightsFile.read(folder), "JSON object");
        index("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}");
        assertRefused(() -> WeightsFile.read(folder), "Duplicate");
    }

    @Test
    void readsPyTorchShards() throws IOException {
        Files.write(folder.resolve("one.bin"), Golden.bytes("ckpt_pth_plain_zip.pth"));
        var map = new ArrayList<String>();
        TorchFile.read(folder.resolve("one.bin")).names().forEach(name -> map.add("\"" + name + "\":\"one.bin\""));
        Files.writeString(
                folder.resolve("pytorch_model.bin.index.json"), "{\"weight_map\":{" + String.join(",", map) + "}}");
        assertThat(WeightsFile.read(folder).size()).isEqualTo(20);
    }

    private void shard(String name, List<StoredTensor> tensors) {
        Safetensors.write(folder.resolve(name), tensors, Map.of());
    }

    private void index(String json) throws IOException {
        Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }
}
