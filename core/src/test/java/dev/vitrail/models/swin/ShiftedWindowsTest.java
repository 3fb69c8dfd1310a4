package dev.vitrail.models.swin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.models.layers.RelativePositionTables;
import dev.vitrail.models.layers.Window;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShiftedWindowsTest {
    @Test
    void windowsAreNoLargerThanTheMapAndShiftOnlyWhereThereAreSeveral() {
        assertThat(ShiftedWindows.fit(56, 56, 7, 7, true)).isEqualTo(new ShiftedWindows(7, 7, 3, 3));
        assertThat(ShiftedWindows.fit(56, 56, 7, 7, false)).isEqualTo(new ShiftedWindows(7, 7, 0, 0));
        assertThat(ShiftedWindows.fit(7, 7, 7, 7, true)).isEqualTo(new ShiftedWindows(7, 7, 0, 0));
        assertThat(ShiftedWindows.fit(4, 8, 7, 7, true)).isEqualTo(new ShiftedWindows(4, 7, 0, 3));
    }

    @ParameterizedTest
    @CsvSource({"8,8,4,4,2,2", "14,13,4,4,2,2", "5,9,3,4,1,2", "4,8,4,4,0,2", "1,1,1,1,0,0"})
    void mergingUndoesPartition(int H, int W, int height, int width, int rows, int columns) {
        var windows = new ShiftedWindows(height, width, rows, columns);
        try (var frame = Frame.open()) {
            var x = Tensor.randn(2, H, W, 3);
            var cut = windows.partition(x);
            assertThat(cut.shape()).containsExactly(2L * windows.rows(H) * windows.columns(W), windows.tokens(), 3);
            assertThat(windows.merge(cut, H, W).toFloats()).containsExactly(x.toFloats());
        }
    }

    /** Two tokens of a window may see each other if and only if the shift kept their distance. */
    @ParameterizedTest
    @CsvSource({"8,8,4,4,2,2", "9,12,3,4,1,1", "4,8,4,4,0,2"})
    void masksWhatOnlyTheShiftBroughtTogether(int H, int W, int height, int width, int rows, int columns) {
        var windows = new ShiftedWindows(height, width, rows, columns);
        try (var frame = Frame.open()) {
            var places = new float[H * W];
            for (int i = 0; i < places.length; i++) {
                places[i] = i;
            }
            var cut = windows.partition(Tensor.of(places, 1, H, W, 1)).toFloats();
            var mask = windows.mask(H, W).toFloats();
            int n = windows.tokens();
            for (int window = 0; window < cut.length / n; window++) {
                for (int i = 0; i < n; i++) {
                    for (int j = 0; j < n; j++) {
                        int a = (int) cut[window * n + i], b = (int) cut[window * n + j];
                        boolean together =
                                a / W - b / W == i / width - j / width && a % W - b % W == i % width - j % width;
                        assertThat(mask[(window * n + i) * n + j]).isEqualTo(together ? 0 : -100);
                    }
                }
            }
        }
    }

    @Test
    void aSmallerWindowUsesTheMiddleOfTheTable() {
        try (var frame = Frame.open()) {
            var whole = ShiftedWindows.relativePositions(7, 7).toLongs();
            var part = ShiftedWindows.relativePositions(2, 3, 7, 7).toLongs();
            for (int i = 0; i < 6; i++) {
                for (int j = 0; j < 6; j++) {
                    int inWholeI = i / 3 * 7 + i % 3, inWholeJ = j / 3 * 7 + j % 3;
                    assertThat(part[i * 6 + j]).isEqualTo(whole[inWholeI * 49 + inWholeJ]);
                }
            }
        }
    }

    @Test
    void aTableForAWindowThatIsNoSquareIsNotResampled() {
        try (var frame = Frame.open()) {
            assertThat(RelativePositionTables.resample(Tensor.zeros(45, 3), Optional.empty(), new Window(7, 7)))
                    .isEmpty();
            assertThat(RelativePositionTables.resample(Tensor.ones(169, 3), Optional.empty(), new Window(12, 8)))
                    .hasValueSatisfying(table -> {
                        assertThat(table.shape()).containsExactly(23 * 15, 3);
                        assertThat(Tensors.largest(table.minus(Tensor.ones(1)))).isLessThan(1e-6);
                    });
        }
    }
}
