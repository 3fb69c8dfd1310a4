package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpzFileTest {
    private static final byte[] SIX = floats(1, 2, 3, 4, 5, 6);

    @ParameterizedTest
    @ValueSource(strings = {"ckpt_npz_plain", "ckpt_npz_hybrid", "ckpt_npz_posembed_resize"})
    void readsGooglesCheckpoints(String id) {
        var npz = NpzFile.read(Golden.CHECKPOINTS.resolve(id + ".npz"));
        var expected = Golden.expected(id);
        // Flax keeps vectors as they are, and names them differently: the values must be the same.
        assertThat(npz.get("Transformer/encoder_norm/scale").toFloats())
                .isEqualTo(expected.get("norm.weight").toFloats());
        assertThat(npz.get("head/bias").toFloats())
                .isEqualTo(expected.get("head.bias").toFloats());
        assertThat(npz.get("cls").shape()).isEqualTo(expected.get("cls_token").shape());
        for (var tensor : npz) {
            assertThat(tensor.dtype()).isEqualTo(DType.F32);
            assertThat(tensor.bytes().alignmentOffset(0, 4)).isZero();
        }
        // A dense layer is stored [in, out] where PyTorch has [out, in].
        var kernel = npz.get("head/kernel");
        var weight = expected.get("head.weight");
        int in = (int) kernel.shape()[0];
        int out = (int) kernel.shape()[1];
        for (int i = 0; i < in; i++) {
            for (int o = 0; o < out; o++) {
                assertThat(kernel.toFloats()[i * out + o]).isEqualTo(weight.toFloats()[o * in + i]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void readsEachVersionStoredAndDeflated(int version) {
        var array = npy(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", SIX);
        for (var zipped : new byte[][] {zip("a.npy", array, true), zip("a.npy", array, false)}) {
            var tensor = NpzFile.read(zipped, "a.npz").get("a");
            assertThat(tensor.shape()).containsExactly(2, 3);
            assertThat(tensor.toFloats()).containsExactly(1, 2, 3, 4, 5, 6);
        }
    }

    @Test
    void turnsFortranOrderIntoRowMajor() {
        var tensor = read("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", SIX);
        assertThat(tensor.toFloats()).containsExactly(1, 3, 5, 2, 4, 6);
        assertThat(read("{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", SIX)
                        .toFloats())
                .containsExactly(1, 2, 3, 4, 5, 6);
    }

    @Test
    void readsScalarsEmptyArraysAndEveryType() {
        assertThat(read("{'descr':'<f4','fortran_order':False,'shape':()}", floats(7))
                        .toFloats())
                .containsExactly(7);
        assertThat(read("{'descr':'<f4','fortran_order':False,'shape':(0,5)}", new byte[0])
                        .elements())
                .isZero();
        Map.ofEntries(
                        Map.entry("<f8", DType.F64),
                        Map.entry("<f2", DType.F16),
                        Map.entry("|V2", DType.BF16),
                        Map.entry("<i8", DType.I64),
                        Map.entry("<i4", DType.I32),
                        Map.entry("<i2", DType.I16),
                        Map.entry("|i1", DType.I8),
                        Map.entry("<u8", DType.U64),
                        Map.entry("<u4", DType.U32),
                        Map.entry("<u2", DType.U16),
                        Map.entry("|u1", DType.U8),
                        Map.entry("|b1", DType.BOOL))
                .forEach((descr, dtype) -> assertThat(read(
                                        "{'descr':'" + descr + "','fortran_order':False,'shape':(3,)}",
                                        new byte[3 * dtype.bytes()])
                                .dtype())
                        .isEqualTo(dtype));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '~',
            value = {
                "{'descr': '>f4', 'fortran_order': False, 'shape': (6,)} ; >f4",
                "{'descr': '|O', 'fortran_order': False, 'shape': (6,)} ; |O",
                "{'descr': '<c8', 'fortran_order': False, 'shape': (3,)} ; <c8",
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)} ; quoted text",
                "{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)} ; fortran_order",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (7,)} ; 28 bytes",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)} ; 20 bytes",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)} ; 64-bit number",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (6)} ; no tuple",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 6)} ; more elements",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)} ; 64-bit number",
                "{'descr': '<f4', 'fortran_order': False} ; needs descr",
                "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)} ; two descr",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 'y'} ; unknown field x",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} + evil() ; follows",
                "[1, 2] ; lacks {",
            })
    void refusesHeadersThatAreNotPlain(String header, String part) {
        assertRefused(() -> read(header, SIX), part.strip());
    }

    @Test
    void refusesAnArchiveOfOtherThings() {
        assertRefused(() -> NpzFile.read(zip("evil.pkl", SIX, true), "a.npz"), "evil.pkl");
        assertRefused(() -> NpzFile.read(SIX, "a.npz"), "no zip archive");
        assertRefused(() -> NpzFile.read(zip("a.npy", SIX, true), "a.npz"), "magic");
    }

    @Test
    void everyTruncationIsRefusedAndADamagedArrayIsNoticed() {
        for (String name : new String[] {"ckpt_npz_plain.npz", "ckpt_npz_posembed_resize.npz"}) {
            var whole = Golden.bytes(name);
            for (int length = 0; length < whole.length; length += 397) {
                var cut = Arrays.copyOf(whole, length);
                assertRefused(() -> NpzFile.read(cut, name), name);
            }
            for (int i = 0; i < whole.length; i += 211) {
                var damaged = whole.clone();
                damaged[i] ^= 0x10;
                try {
                    NpzFile.read(damaged, name);
                } catch (VitrailException e) {
                    assertThat(e.getMessage()).contains(name);
                }
            }
            var damaged = whole.clone();
            damaged[whole.length / 3] ^= 0x10;
            assertRefused(() -> NpzFile.read(damaged, name), name);
        }
    }

    private static StoredTensor read(String header, byte[] data) {
        return NpzFile.read(zip("a.npy", npy(1, header, data), true), "a.npz").get("a");
    }

    private static byte[] npy(int version, String header, byte[] data) {
        var text = header.getBytes(StandardCharsets.UTF_8);
        int start = version == 1 ? 10 : 12;
        var out = ByteBuffer.allocate(start + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            out.putShort((short) text.length);
        } else {
            out.putInt(text.length);
        }
        return out.put(text).put(data).array();
    }

    private static byte[] floats(float... values) {
        var bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    private static byte[] zip(String name, byte[] content, boolean stored) {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            var entry = new ZipEntry(name);
            if (stored) {
                var crc = new java.util.zip.CRC32();
                crc.update(content);
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(content.length);
                entry.setCrc(crc.getValue());
            }
            zip.putNextEntry(entry);
            zip.write(content);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return bytes.toByteArray();
    }
}
