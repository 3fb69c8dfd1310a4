package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
    @TempDir
    Path folder = Path.of("");

    static Stream<Arguments> brokenRules() {
        String a = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
        return Stream.of(
                broken("header must begin with {", " {" + a + "}", 8, "does not begin with {"),
                broken("header must be an object", "[1]", 0, "does not begin with {"),
                broken("header must be JSON", "{" + a, 8, "damaged"),
                broken("nothing but spaces after the JSON", "{" + a + "}x", 8, "follows the JSON"),
                broken("no second object after the JSON", "{" + a + "}{}", 8, "follows the JSON"),
                broken("no newline as padding", "{" + a + "}\n", 8, "follows the JSON"),
                broken("no tensor named twice", "{" + a + "," + a + "}", 8, "Duplicate"),
                broken("no field named twice", "{" + a.replace("{\"d", "{\"dtype\":\"F32\",\"d") + "}", 8, "Duplicate"),
                broken("no metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "Duplicate"),
                broken("no metadata key twice", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "Duplicate"),
                broken("metadata holds strings", "{\"__metadata__\":{\"k\":1}}", 0, "string for each entry"),
                broken("metadata is an object", "{\"__metadata__\":\"k\"}", 0, "object of strings"),
                broken("a tensor is an object", "{\"a\":[]}", 0, "describes tensor a"),
                broken("deep nesting", "{\"a\":" + "[".repeat(5000) + "}", 0, "describes tensor a"),
                broken("dtype is there", "{" + a.replace("\"dtype\":\"F32\",", "") + "}", 8, "needs a dtype"),
                broken("shape is there", "{" + a.replace("\"shape\":[2],", "") + "}", 8, "needs a dtype"),
                broken("offsets are there", "{" + a.replace(",\"data_offsets\":[0,8]", "") + "}", 8, "needs a dtype"),
                broken("no unknown field", "{" + a.replace("}", ",\"x\":1}") + "}", 8, "field x"),
                broken("dtype is known", "{" + a.replace("F32", "F33") + "}", 8, "F33"),
                broken("dtype is spelt in capitals", "{" + a.replace("F32", "f32") + "}", 8, "f32"),
                broken("dtype is a string", "{" + a.replace("\"F32\"", "32") + "}", 8, "a string as dtype"),
                broken("four-bit types have no place here", "{" + a.replace("F32", "F4") + "}", 8, "F4"),
                broken("shape times dtype is the length", "{" + a.replace("[2]", "[3]") + "}", 8, "need 12"),
                broken("a scalar has one element", "{" + a.replace("[2]", "[]") + "}", 8, "need 4"),
                broken("no negative dimension", "{" + a.replace("[2]", "[-2]") + "}", 8, "non-negative"),
                broken("no negative zero", "{" + a.replace("[0,8]", "[-0,8]") + "}", 8, "non-negative"),
                broken("no fraction", "{" + a.replace("[2]", "[2.0]") + "}", 8, "64-bit non-negative integers"),
                broken("no exponent", "{" + a.replace("[2]", "[2e0]") + "}", 8, "64-bit non-negative integers"),
                broken("no text", "{" + a.replace("[2]", "[\"2\"]") + "}", 8, "64-bit non-negative integers"),
                broken("no number beyond 64 bits", "{" + a.replace("[2]", "[18446744073709551618]") + "}", 8, "64-bit"),
                broken(
                        "a product that wraps to the right length",
                        "{" + a.replace("[2]", "[4611686018427387906,1]") + "}",
                        8,
                        "64 bits"),
                broken(
                        "a count of elements that wraps",
                        "{" + a.replace("[2]", "[4294967296,4294967296,2]") + "}",
                        8,
                        "64 bits"),
                broken("a zero hides no overflow", "{" + empty("[4294967296,4294967296,0]") + "}", 0, "64 bits"),
                broken("not too many dimensions", "{" + empty("[" + "1,".repeat(64) + "0]") + "}", 0, "dimensions"),
                broken("begin before end", "{" + a.replace("[0,8]", "[8,0]") + "}", 8, "bytes 8 to 0"),
                broken("two offsets", "{" + a.replace("[0,8]", "[0,8,8]") + "}", 8, "two data_offsets"),
                broken("offsets within the file", "{" + a + "}", 7, "cut short"),
                broken("offsets far beyond the file", "{" + huge() + "}", 8, "cut short"),
                broken("nothing after the last tensor", "{" + a + "}", 9, "nothing may follow"),
                broken("no data without tensors", "{}", 1, "nothing may follow"),
                broken(
                        "no hole at the start",
                        "{" + a.replace("[0,8]", "[8,16]") + "}",
                        16,
                        "overlap nor leave a hole"),
                broken(
                        "no hole between tensors",
                        "{" + a + "," + a.replace("\"a\"", "\"b\"").replace("[0,8]", "[12,20]") + "}",
                        20,
                        "overlap nor leave a hole"),
                broken(
                        "no overlap",
                        "{" + a + "," + a.replace("\"a\"", "\"b\"").replace("[0,8]", "[4,12]") + "}",
                        12,
                        "overlap nor leave a hole"),
                broken("no sharing", "{" + a + "," + a.replace("\"a\"", "\"b\"") + "}", 8, "overlap nor leave a hole"));
    }

    private static String empty(String shape) {
        return "\"a\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[0,0]}";
    }

    private static String huge() {
        return "\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],\"data_offsets\":[0,9223372036854775807]}";
    }

    private static Arguments broken(String rule, String header, int data, String part) {
        return Arguments.of(rule, file(header.getBytes(StandardCharsets.UTF_8), data), part);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("brokenRules")
    void everyRuleIsHeldWithOneVerdictForFileStreamAndArray(String rule, byte[] bytes, String part) throws IOException {
        refusedEverywhere(bytes, part);
    }

    @Test
    void aHeaderLengthThatLiesIsRefused() throws IOException {
        var sound = file("{}".getBytes(StandardCharsets.UTF_8), 0);
        for (long length : new long[] {3, 100_000_000, 100_000_001, Integer.MAX_VALUE, 1L << 32, Long.MAX_VALUE, -1}) {
            var lying = sound.clone();
            ByteBuffer.wrap(lying).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
            refusedEverywhere(lying, length < 0 ? "18446744073709551615" : Long.toString(length));
        }
        refusedEverywhere(new byte[8], "begin with {");
        refusedEverywhere(new byte[7], "8 bytes of header length");
        refusedEverywhere(new byte[0], "8 bytes of header length");
    }

    @Test
    void aHeaderThatIsNotUtf8IsRefused() throws IOException {
        refusedEverywhere(file(new byte[] {'{', '"', (byte) 0xff, '"', '}'}, 0), "UTF-8");
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        var whole = Golden.bytes("ckpt_pth.safetensors");
        for (int length = 0; length < whole.length; length += 23) {
            var cut = Arrays.copyOf(whole, length);
            assertRefused(() -> Safetensors.read(cut, "cut"), "cut");
        }
        refusedEverywhere(Arrays.copyOf(whole, whole.length - 1), "cut short");
        refusedEverywhere(Arrays.copyOf(whole, whole.length + 1), "nothing may follow");
    }

    @Test
    void everyFlippedHeaderByteIsReadOrRefused() {
        var whole = Golden.bytes("ckpt_pth.safetensors");
        for (int i = 0; i < 1912; i += 3) {
            for (int flip : new int[] {0x01, 0x20, 0x80}) {
                var damaged = whole.clone();
                damaged[i] ^= (byte) flip;
                var thrown = catchThrowable(() -> Safetensors.read(damaged, "damaged"));
                if (thrown != null) {
                    assertThat(thrown).isExactlyInstanceOf(VitrailException.class);
                }
            }
        }
    }

    @Test
    void readsWhatIsAllowed() {
        var text = "{ \"b\" : {\"data_offsets\":[8,8],\"shape\":[0,7],\"dtype\":\"F64\"} , \"a\u00e9\\u0041\":"
                + "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"__metadata__\":{\"k\":\"v\"}}   ";
        var dict = Safetensors.read(file(text.getBytes(StandardCharsets.UTF_8), 8), "x");
        assertThat(dict.names()).containsExactly("b", "a\u00e9A");
        assertThat(dict.metadata()).containsExactly(Map.entry("k", "v"));
        assertThat(dict.get("b").elements()).isZero();
        assertThat(Safetensors.read(file("{}".getBytes(StandardCharsets.UTF_8), 0), "x")
                        .size())
                .isZero();
    }

    @Test
    void tensorsAreAlignedWhateverTheHeader() throws IOException {
        for (int pad = 0; pad < 8; pad++) {
            var header = "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}" + " ".repeat(pad);
            var path = Files.write(folder.resolve("pad" + pad), file(header.getBytes(StandardCharsets.UTF_8), 8));
            var bytes = Safetensors.read(path).get("a").bytes();
            assertThat(bytes.isDirect()).isTrue();
            assertThat(bytes.isReadOnly()).isTrue();
            assertThat(bytes.alignmentOffset(0, 8)).isZero();
            assertThat(bytes.getLong(0)).isEqualTo(0x0706050403020100L);
        }
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyTypeIsWrittenAndReadBack(DType dtype) {
        var values = new byte[6 * dtype.bytes()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (byte) (i * 37);
        }
        var path = folder.resolve("typed.safetensors");
        var tensor = new StoredTensor("t", dtype, new long[] {2, 3}, ByteBuffer.wrap(values));
        Safetensors.write(path, List.of(tensor));
        var back = Safetensors.read(path).get("t");
        assertThat(back.dtype()).isEqualTo(dtype);
        assertThat(back.shape()).containsExactly(2, 3);
        assertThat(back.bytes()).isEqualTo(ByteBuffer.wrap(values));
        assertThat(back.toFloats()).isEqualTo(tensor.toFloats());
    }

    @Test
    void theSameTensorsGiveTheSameBytes() throws IOException {
        var tensors = new ArrayList<StoredTensor>();
        tensors.add(new StoredTensor("flag", DType.BOOL, new long[] {3}, ByteBuffer.allocate(3)));
        tensors.add(StoredTensor.of("b", new float[] {1, 2}, 2));
        tensors.add(StoredTensor.of("a", new float[] {3}));
        tensors.add(new StoredTensor("count", DType.I64, new long[] {}, ByteBuffer.allocate(8)));
        var one = folder.resolve("one");
        var other = folder.resolve("other");
        Safetensors.write(one, tensors);
        Collections.reverse(tensors);
        Safetensors.write(other, tensors);
        assertThat(Files.readAllBytes(other)).isEqualTo(Files.readAllBytes(one));
        assertThat(Safetensors.read(one).names()).containsExactly("count", "a", "b", "flag");
        assertThat(Safetensors.read(one).metadata()).containsExactly(Map.entry("format", "pt"));
        assertThat(ByteBuffer.wrap(Files.readAllBytes(one))
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getLong()
                        % 8)
                .isZero();
    }

    @Test
    void aByteThatIsNotWhatWasWrittenIsFound() throws IOException {
        var path = folder.resolve("model.safetensors");
        Safetensors.write(path, List.of(StoredTensor.of("a", new float[] {1, 2}, 2)), Map.of("step", "12"));
        var written = Files.readAllBytes(path);
        int step = new String(written, StandardCharsets.ISO_8859_1).indexOf("\"12\"") + 1;
        for (int place : List.of(step, written.length - 8, written.length - 1)) {
            var bytes = written.clone();
            bytes[place] ^= 1;
            Files.write(path, bytes);
            assertRefused(
                    () -> Safetensors.read(path),
                    path + " is damaged, for its contents do not match the checksum that they were written with");
        }
        Files.write(path, written);
        assertThat(Safetensors.read(path).get("a").toFloats()).containsExactly(1, 2);
    }

    @Test
    void impossibleNamesAreRefusedAndNothingIsWritten() {
        var path = folder.resolve("x");
        var a = StoredTensor.of("a", new float[1]);
        assertRefused(() -> Safetensors.write(path, List.of(a, a)), "two tensors named a");
        assertRefused(() -> Safetensors.write(path, List.of(a.named("__metadata__"))), "__metadata__");
        assertRefused(() -> Safetensors.write(path, List.of(a.named("\ud800"))), "cannot encode");
        assertThat(path).doesNotExist();
    }

    @Test
    void aMappedTensorOutlivesTheReplacementOfItsFile() {
        var path = folder.resolve("model.safetensors");
        Safetensors.write(path, List.of(StoredTensor.of("a", new float[] {1})));
        var old = Safetensors.read(path).get("a");
        Safetensors.write(path, List.of(StoredTensor.of("a", new float[] {2})));
        assertThat(old.toFloats()).containsExactly(1);
        assertThat(Safetensors.read(path).get("a").toFloats()).containsExactly(2);
    }

    /** Three GiB that take no room on the disk: tensors on both sides of, and across, the borders of the windows. */
    @Test
    void readsFilesBeyondTwoGiB() throws IOException {
        long gib = 1L << 30;
        long[] ends = {gib - 4, gib + 4, 3 * gib - 8, 3 * gib};
        var header = new StringBuilder("{");
        long begin = 0;
        for (int i = 0; i < ends.length; i++) {
            header.append("%s\"t%d\":{\"dtype\":\"I8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}"
                    .formatted(i == 0 ? "" : ",", i, ends[i] - begin, begin, ends[i]));
            begin = ends[i];
        }
        var json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        var path = folder.resolve("sparse.safetensors");
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            file.write(file(json, 0));
            file.setLength(8 + json.length + 3 * gib);
            file.seek(8 + json.length + gib - 4);
            file.write(new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
            file.seek(8 + json.length + 3 * gib - 1);
            file.write(9);
        }
        var dict = Safetensors.read(path);
        assertThat(dict.get("t1").toLongs()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
        assertThat(dict.get("t3").toLongs()).containsExactly(0, 0, 0, 0, 0, 0, 0, 9);
        assertThat(dict.get("t2").elements()).isEqualTo(2 * gib - 12);
    }

    @Test
    void writesARealModelAsItWas() throws IOException {
        var data = System.getenv().getOrDefault("VITRAIL_TEST_DATA", "../../shared/data");
        var path = Path.of(data, "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "model.safetensors");
        Assumptions.assumeTrue(Files.exists(path), "skipped: the real ViT-Ti is not in " + data);
        var dict = Safetensors.read(path);
        assertThat(dict.size()).isEqualTo(152);
        long elements = 0;
        for (var tensor : dict) {
            elements += tensor.elements();
        }
        assertThat(elements).isEqualTo(5_717_416);
        var copy = folder.resolve("copy.safetensors");
        Safetensors.write(copy, dict, dict.metadata());
        var again = Safetensors.read(copy);
        for (var tensor : dict) {
            assertThat(again.get(tensor.name()).bytes()).isEqualTo(tensor.bytes());
        }
    }

    private void refusedEverywhere(byte[] bytes, String part) throws IOException {
        var path = Files.write(folder.resolve("x.safetensors"), bytes);
        assertRefused(() -> Safetensors.read(path), part);
        assertRefused(() -> Safetensors.read(bytes, "x.safetensors"), part);
        assertRefused(() -> Safetensors.read(new ByteArrayInputStream(bytes), "x.safetensors"), part);
    }

    /** Length, header, and {@code data} bytes counting up from zero. */
    private static byte[] file(byte[] header, int data) {
        var out = ByteBuffer.allocate(8 + header.length + data).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(header.length).put(header);
        for (int i = 0; i < data; i++) {
            out.put((byte) i);
        }
        return out.array();
    }
}
