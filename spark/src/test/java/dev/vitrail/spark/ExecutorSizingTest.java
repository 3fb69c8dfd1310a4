package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

final class ExecutorSizingTest {
    private static final long MIB = 1 << 20;
    private static final MemoryNeed NEED = new MemoryNeed(90 * MIB, 22 * MIB, 100 * MIB, 16);

    private static SparkConf conf(String... pairs) {
        var conf = new SparkConf(false);
        for (int i = 0; i < pairs.length; i += 2) {
            conf.set(pairs[i], pairs[i + 1]);
        }
        return conf;
    }

    @Test
    void figuresAreThoseOfSparksDocumentation() {
        assertThat(ExecutorSizing.of(conf(), "yarn", 2, 2)).isEqualTo(new ExecutorSizing(1, 1, 384, 384, true));
        assertThat(ExecutorSizing.of(
                        conf("spark.executor.cores", "8", "spark.task.cpus", "2", "spark.executor.memory", "10g"),
                        "k8s://x",
                        16,
                        2))
                .isEqualTo(new ExecutorSizing(8, 2, 1024, 1024, true));
        assertThat(ExecutorSizing.of(conf("spark.executor.memoryOverhead", "2g"), "spark://x:7077", 16, 2))
                .isEqualTo(new ExecutorSizing(8, 1, 384, 2048, true));
        assertThat(ExecutorSizing.of(conf(), "local-cluster[2,3,1024]", 6, 2))
                .isEqualTo(new ExecutorSizing(3, 1, 384, 384, false));
        assertThat(new ExecutorSizing(8, 3, 384, 384, true).tasks()).isEqualTo(2);
    }

    @Test
    void tooLittleMemoryIsRefusedWithTheNumber() {
        var small = new ExecutorSizing(4, 1, 384, 384, true);
        // 384 + 90 + 22 + 4 · 100 = 896
        assertThatThrownBy(() -> small.check("vit", NEED))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("set spark.executor.memoryOverhead to 896m or more")
                .hasMessageContaining("100 for each of 4 tasks at once with batches of 16");
        assertThatCode(() -> new ExecutorSizing(4, 1, 384, 896, true).check("vit", NEED))
                .doesNotThrowAnyException();
        assertThatCode(() -> new ExecutorSizing(4, 1, 384, 384, false).check("vit", NEED))
                .doesNotThrowAnyException();
    }
}
