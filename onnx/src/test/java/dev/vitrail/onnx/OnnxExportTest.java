package dev.vitrail.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxExportTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vit_mini_patch4_32",
                "vit_mini_patch4_gap_32",
                "resnet_mini_32",
                "vit_mini_r5_s4_gap_32",
                "convnext_mini_32",
                "t2t_mini_32",
                "t2t_mini_32_dense",
                "t2t_mini_32_se",
                "t2t_mini_32_ghost",
                "swin_mini_32",
                "swinv2_mini_32",
                "cait_mini_32",
                "compact_vit_mini_32",
                "simple_vit_mini_32",
                "compact_t2t_mini_32",
                "compact_cait_mini_32"
            })
    void aMiniatureAgreesWithItsGraph(String name) {
        try (var loaded = LoadedModel.load(name, LoadOptions.DEFAULT)) {
            var file = folder.resolve("model.onnx");
            var written = OnnxExport.write(loaded, file, OnnxExport.Options.DEFAULT);
            var side = loaded.preprocessing().height();
            var checked = OnnxCheck.run(loaded, file, 1, List.of(1, 3, 8), List.of(List.of(side, side)));
            System.out.println(name + " " + written.nodes() + " " + checked.difference() + " of " + checked.range());
            assertThat(checked.passed()).isTrue();
        }
    }
}
