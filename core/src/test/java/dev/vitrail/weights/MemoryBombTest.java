package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.torch.Pickle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Files that a reader would have to fill its memory for, read by a process with a small heap. */
@Timeout(120)
class MemoryBombTest {
    @TempDir
    Path folder = Path.of("");

    /** Reads one file; says what the refusal says. */
    static final class Main {
        private Main() {}

        public static void main(String[] arguments) {
            try {
                System.out.println("read " + WeightsFile.read(Path.of(arguments[0])));
            } catch (VitrailException e) {
                System.out.println("refused " + e.getMessage());
            }
        }
    }

    enum Bomb {
        ONE_BYTE_VALUES {
            @Override
            byte[] bytes() {
                return deflated(filled("}", 40_000_000));
            }
        },
        FEWER_ONE_BYTE_VALUES {
            @Override
            byte[] bytes() {
                return deflated(filled("}", 4_000_000));
            }
        },
        STORED_ONE_BYTE_VALUES {
            @Override
            byte[] bytes() {
                return Pickle.zip(filled("]", 30_000_000), new byte[16]);
            }
        },
        MEMO {
            @Override
            byte[] bytes() {
                return deflated(filled("N" + "\u0094".repeat(1000), 8_000_000));
            }
        },
        COPIES_OF_THE_TOP {
            @Override
            byte[] bytes() {
                return deflated(filled("N" + "2".repeat(1000), 8_000_000));
            }
        },
        MARKS {
            @Override
            byte[] bytes() {
                return Pickle.zip(filled("(", 30_000_000), new byte[16]);
            }
        },
        SETS_IN_DICTS {
            @Override
            byte[] bytes() {
                return Pickle.zip(filled("}K\u0001\u008fs", 30_000_000), new byte[16]);
            }
        },
        LEGACY_TUPLES {
            @Override
            byte[] bytes() {
                return Pickle.legacy(
                        filled(")", 30_000_000), Pickle.start().ascii("]").end(), new byte[0]);
            }
        },
        SAFETENSORS_OF_MANY_NAMES {
            @Override
            byte[] bytes() {
                var header = new StringBuilder("{");
                for (int i = 0; header.length() < 60_000_000; i++) {
                    header.append(i == 0 ? "\"" : ",\"")
                            .append(Integer.toString(i, 36))
                            .append("\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
                }
                return safetensors(header.append('}').toString());
            }
        },
        SAFETENSORS_OF_ONE_NAME {
            @Override
            byte[] bytes() {
                return safetensors("{\"" + "x".repeat(60_000_000) + "\":{}}");
            }
        },
        SAFETENSORS_OF_METADATA {
            @Override
            byte[] bytes() {
                var header = new StringBuilder("{\"__metadata__\":{\"a\":\"\"");
                for (int i = 0; header.length() < 60_000_000; i++) {
                    header.append(",\"").append(Integer.toString(i, 36)).append("\":\"\"");
                }
                return safetensors(header.append("}}").toString());
            }
        };

        abstract byte[] bytes();
    }

    private static byte[] filled(String pattern, int count) {
        var one = pattern.getBytes(StandardCharsets.ISO_8859_1);
        var all = new byte[count];
        all[0] = (byte) 0x80;
        all[1] = 2;
        for (int i = 2; i < count; i++) {
            all[i] = one[(i - 2) % one.length];
        }
        return all;
    }

    private static byte[] safetensors(String header) {
        return ByteBuffer.allocate(8 + header.length())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length())
                .put(header.getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    private static byte[] deflated(byte[] pickle) {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            zip.putNextEntry(new ZipEntry("m/data.pkl"));
            zip.write(pickle);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return bytes.toByteArray();
    }

    @ParameterizedTest
    @EnumSource(Bomb.class)
    void isRefusedInASmallHeap(Bomb bomb) throws Exception {
        var file = Files.write(folder.resolve("bomb"), bomb.bytes());
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.vitrail.weights.MemoryBombTest$Main",
                        file.toString())
                .redirectErrorStream(true)
                .start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(output.lines().filter(line -> line.startsWith("refused ")))
                .singleElement()
                .asString()
                .contains("bomb");
        assertThat(output).doesNotContain("OutOfMemoryError").doesNotContain("more memory than this process may have");
    }
}
