package dev.vitrail.weights.torch;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class HostilePickleTest {
    private static final byte[] FOUR_FLOATS = new byte[16];

    @ParameterizedTest
    @CsvSource({
        "os, system",
        "posix, system",
        "nt, system",
        "builtins, eval",
        "builtins, exec",
        "builtins, getattr",
        "__builtin__, apply",
        "subprocess, Popen",
        "runpy, _run_code",
        "torch, load",
        "torch._utils, _rebuild_sparse_tensor",
        "torch._utils, _rebuild_tensor_v3",
        "torch.hub, load",
        "torch.storage, TypedStorage",
        "torch.nn.modules.linear, Linear",
        "copyreg, _reconstructor",
        "argparse, ArgumentParser",
        "java.lang, Runtime",
        "decimal, Decimal",
        "collections, namedtuple",
        "numpy, load",
        "numpy.testing._private.utils, runstring",
        "pathlib, os",
        "builtins, type",
        "torch, compile",
        "exceptions, Exception",
    })
    void everyNameOffTheListIsRefusedByName(String module, String name) {
        String full = module + "." + name;
        refused(
                Pickle.start()
                        .global(module, name)
                        .ascii("(")
                        .text("touch /tmp/x")
                        .ascii("tR"),
                full);
        refused(Pickle.start().ascii("(").text("touch /tmp/x").ascii("i" + module + "\n" + name + "\n"), full);
        refused(Pickle.start().text(module).text(name).op(0x93).ascii(")R"), full);
        refused(Pickle.start().ascii("(").global(module, name).text("x").ascii("o"), full);
        refused(Pickle.start().global(module, name).ascii(")").op(0x81), full);
        refused(Pickle.start().global(module, name).ascii(")}").op(0x92), full);
        refused(Pickle.start().ascii("}").text("unused").global(module, name).ascii("s"), full);
    }

    @Test
    void allowedNamesCannotBeCalledForAnythingElse() {
        refused(Pickle.start().global("torch", "FloatStorage").ascii(")R"), "cannot be called");
        refused(Pickle.start().global("torch", "float32").ascii(")R"), "cannot be called");
        refused(Pickle.start().text("os.system").ascii(")R"), "cannot be called");
        refused(Pickle.start().global("torch._utils", "_rebuild_tensor_v2").ascii(")R"), "no storage");
        refused(Pickle.start().global("torch._utils", "_rebuild_parameter").ascii(")R"), "no tensor");
        refused(Pickle.start().text("os").text("system").op(0x93, 0x82, 1), "os.system");
        refused(Pickle.start().op(0x82, 1), "0x82");
    }

    @Test
    void dataHoldersBecomeMapsAndNothingMore() {
        var pickle = Pickle.start()
                .ascii("}(")
                .text("args")
                .global("argparse", "Namespace")
                .ascii(")")
                .op(0x81)
                .ascii("}")
                .text("lr")
                .integer(1)
                .ascii("sb")
                .text("config")
                .global("yacs.config", "CfgNode")
                .ascii(")")
                .op(0x81)
                .text("DATA")
                .text("x")
                .ascii("s}b")
                .text("model")
                .ascii("}")
                .text("w")
                .tensor("0", 4, 0, new long[] {4}, new long[] {1})
                .ascii("su");
        assertThat(TorchFile.read(Pickle.zip(pickle.end(), FOUR_FLOATS), "x.pth", false)
                        .names())
                .containsExactly("w");
    }

    static Stream<Pickle> viewsThatLeaveTheirStorage() {
        return Stream.of(
                weight(4, 0, new long[] {5}, new long[] {1}),
                weight(4, 1, new long[] {4}, new long[] {1}),
                weight(4, 4, new long[] {}, new long[] {}),
                weight(4, 0, new long[] {2, 2}, new long[] {3, 1}),
                weight(4, Long.MAX_VALUE, new long[] {2}, new long[] {1}),
                weight(4, 0, new long[] {2}, new long[] {Long.MAX_VALUE}),
                weight(4, 2, new long[] {3}, new long[] {Long.MAX_VALUE}),
                weight(4, 0, new long[] {2}, new long[] {-1}),
                weight(4, -1, new long[] {2}, new long[] {1}),
                weight(4, 0, new long[] {-2}, new long[] {1}),
                weight(4, 0, new long[] {2}, new long[] {1, 1}),
                weight(4, 0, new long[] {1L << 32, 1L << 32}, new long[] {0, 0}),
                weight(4, 0, new long[] {1L << 40}, new long[] {0}),
                weight(5, 0, new long[] {4}, new long[] {1}),
                weight(1L << 40, 0, new long[] {1L << 40}, new long[] {1}),
                weight(1L << 62, 0, new long[] {4}, new long[] {1}),
                weight(-1, 0, new long[] {0}, new long[] {1}));
    }

    private static Pickle weight(long elements, long offset, long[] shape, long[] strides) {
        return Pickle.start()
                .ascii("}")
                .text("w")
                .tensor("0", elements, offset, shape, strides)
                .ascii("s");
    }

    @ParameterizedTest
    @MethodSource("viewsThatLeaveTheirStorage")
    void noViewLeavesItsStorage(Pickle pickle) {
        refused(pickle, "x.pth");
    }

    @Test
    void stridedViewsAreMaterialised() {
        var storage = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        storage.asFloatBuffer().put(new float[] {1, 2, 3, 4, 5, 6});
        var pickle = Pickle.start()
                .ascii("}(")
                .text("transposed")
                .tensor("0", 6, 0, new long[] {3, 2}, new long[] {1, 3})
                .text("offset")
                .tensor("0", 6, 2, new long[] {2, 1, 2}, new long[] {2, 77, 1})
                .text("repeated")
                .tensor("0", 6, 5, new long[] {2, 2}, new long[] {0, 0})
                .text("scalar")
                .tensor("0", 6, 3, new long[] {}, new long[] {})
                .text("empty")
                .tensor("0", 6, 6, new long[] {0, 3}, new long[] {3, 1})
                .ascii("u");
        var dict = TorchFile.read(Pickle.zip(pickle.end(), storage.array()), "x.pth", false);
        assertThat(dict.get("transposed").toFloats()).containsExactly(1, 4, 2, 5, 3, 6);
        assertThat(dict.get("offset").toFloats()).containsExactly(3, 4, 5, 6);
        assertThat(dict.get("repeated").toFloats()).containsExactly(6, 6, 6, 6);
        assertThat(dict.get("scalar").toFloats()).containsExactly(4);
        assertThat(dict.get("empty").elements()).isZero();
    }

    /** Each view is small enough for its storage, but together they would copy it two thousand times. */
    @Test
    void manyViewsOfOneStorageDoNotExhaustMemory() {
        var pickle = Pickle.start().ascii("}(");
        var storage = new byte[4 * 40_000];
        for (int i = 0; i < 2_000; i++) {
            pickle.text("w" + i).tensor("0", 40_000, i % 3, new long[] {2, 19_000 - i}, new long[] {1, 2});
        }
        var file = Pickle.zip(pickle.ascii("u").end(), storage);
        assertRefused(() -> TorchFile.read(file, "x.pth", false), "over and over");
    }

    @Test
    void aTinyLegacyFileCannotAskForGigabytes() {
        long elements = 1L << 32;
        var object = weight(elements, 0, new long[] {elements}, new long[] {1}).end();
        var keys = Pickle.start().ascii("(").text("0").ascii("l").end();
        var count = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        var claimed =
                Pickle.legacy(object, keys, count.putLong(0, elements).array().clone());
        assertThat(claimed.length).isLessThan(400);
        assertRefused(() -> TorchFile.read(claimed, "x.pth", false), "cut short");
        var contradicted =
                Pickle.legacy(object, keys, count.putLong(0, 0).array().clone());
        assertRefused(() -> TorchFile.read(contradicted, "x.pth", false), "declared with 4294967296");
        var missing = Pickle.legacy(object, Pickle.start().ascii("]").end(), new byte[0]);
        assertRefused(() -> TorchFile.read(missing, "x.pth", false), "missing");
    }

    @ParameterizedTest
    @ValueSource(ints = {'X', 'B', 'T', 0x8b})
    void claimedLengthsAreComparedWithWhatIsThere(int opcode) {
        refused(Pickle.start().op(opcode, 0xff, 0xff, 0xff, 0x7f), "x.pth");
        refused(Pickle.start().op(opcode, 0xff, 0xff, 0xff, 0xff), "x.pth");
    }

    @ParameterizedTest
    @ValueSource(ints = {0x8d, 0x8e, 0x96})
    void claimedLongLengthsAreComparedWithWhatIsThere(int opcode) {
        refused(Pickle.start().op(opcode, 0, 0, 0, 0, 1, 0, 0, 0), "x.pth");
        refused(Pickle.start().op(opcode, 255, 255, 255, 255, 255, 255, 255, 255), "x.pth");
    }

    @Test
    void cyclesAndDepthDoNoHarm() {
        refused(Pickle.start().ascii("]").op('q', 0).ascii("h").op(0).ascii("a"), "dict of tensors");
        refused(Pickle.start().ascii("}").op('q', 0).text("self").op('h', 0).ascii("s"), "no tensors");
        refused(Pickle.start().ascii("]".repeat(50_000) + "a".repeat(49_999)), "dict of tensors");
        refused(Pickle.start().ascii(")" + "\u0085".repeat(50_000)), "dict of tensors");
        refused(Pickle.start().ascii("(".repeat(50_000)), "mark");
        refused(Pickle.start().ascii("}" + ")" + "\u0085".repeat(50_000) + "Ns"), "no tensors");
        // A dict under its own key, and tuples that double their size a hundred times if anybody unfolds them.
        refused(Pickle.start().ascii("}").op('q', 0, 'h', 0).ascii("Ns"), "no plain value");
        refused(Pickle.start().ascii("}" + ")" + "2\u0086".repeat(100) + "Ns"), "no tensors");
    }

    /** Lists that have no text: one in itself, one too deep, and one of 2¹⁰⁰ brackets. */
    static Stream<Pickle> listsThatCannotBePrinted() {
        var doubling = Pickle.start().ascii("]");
        for (int i = 0; i < 100; i++) {
            doubling.op('q', 0).ascii("0](").op('h', 0, 'h', 0).ascii("e");
        }
        return Stream.of(
                Pickle.start().ascii("]").op('q', 0, 'h', 0).ascii("a"),
                Pickle.start().ascii("]".repeat(50_000) + "a".repeat(49_999)),
                doubling);
    }

    @ParameterizedTest
    @MethodSource("listsThatCannotBePrinted")
    void noListIsCalledByItsText(Pickle list) {
        refused(list.ascii(")R"), "cannot be called");
    }

    @ParameterizedTest
    @MethodSource("listsThatCannotBePrinted")
    void noListNamesAStorage(Pickle list) {
        var object = weight(4, 0, new long[] {4}, new long[] {1}).end();
        var keys = list.op('q', 1).ascii("0]").op('h', 1).ascii("a").end();
        var file = Pickle.legacy(object, keys, new byte[0]);
        assertRefused(() -> TorchFile.read(file, "x.pth", false), "is no text");
    }

    @Test
    void quadraticWorkIsRefused() {
        var pickle =
                Pickle.start().ascii("](" + "]".repeat(20_000) + "e").op('q', 0).ascii("0");
        pickle.global("torch", "Size").op('q', 1).ascii("0");
        for (int i = 0; i < 20_000; i++) {
            pickle.op('h', 1, 'h', 0, 0x85, 'R', '0');
        }
        refused(pickle.ascii("N"), "over and over");
        var holder = Pickle.start().ascii("}(");
        for (int i = 0; i < 20_000; i++) {
            holder.integer(i).ascii("N");
        }
        holder.ascii("u")
                .op('q', 0)
                .ascii("0")
                .global("argparse", "Namespace")
                .ascii(")")
                .op(0x81);
        for (int i = 0; i < 20_000; i++) {
            holder.op('h', 0).ascii("b");
        }
        refused(holder, "over and over");
    }

    @Test
    void damagedProgramsAreRefused() {
        for (String program : new String[] {
            "",
            "0",
            "1",
            "2",
            "a",
            "e",
            "s",
            "u",
            "t",
            "l",
            "d",
            "R",
            "b",
            "Q",
            "o",
            "\u0085",
            "\u0090",
            "\u0091",
            "\u0092",
            "\u0093",
            "\u0094",
            "(a",
            "((u",
            "}(Nu",
            "]Na(0",
            "Nb0",
            "h\u0007",
            "g9\n",
            "p1\n",
            "Ip\n",
            "I" + "9".repeat(9999) + "\n",
            "L1x\n",
            "Fx\n",
            "Sx\n",
            "S'\\x41'\n",
            "gx\n",
            "}]Ns",
            "}}Ns",
            "NNs",
            "NN\u0081",
            "\u00ff",
            "\u0097",
            "\u0080\u0009",
            "cos",
            "X\u0001\u0000\u0000\u0000\u00ff"
        }) {
            refused(Pickle.start().ascii(program), "x.pth");
        }
        assertRefused(() -> TorchFile.read(Pickle.zip(new byte[0], FOUR_FLOATS), "x.pth", false), "cut short");
    }

    @Test
    void anErrorIsOneReadableLineWhateverTheFileNames() {
        refused(Pickle.start().text("os\u001b[2J\n").text("x".repeat(100_000)).op(0x93), "os?[2J?");
    }

    @Test
    void archivesThatAreNoWeightsAreNamed() {
        var pickle = weight(4, 0, new long[] {4}, new long[] {1}).end();
        assertRefused(
                () -> TorchFile.read(
                        Pickle.zip(new String[] {"m/data.pkl", "m/constants.pkl"}, pickle, pickle), "x.pth", false),
                "TorchScript");
        assertRefused(
                () -> TorchFile.read(
                        Pickle.zip(
                                new String[] {"m/data.pkl", "m/data/0", "m/byteorder"},
                                pickle,
                                FOUR_FLOATS,
                                "big".getBytes(StandardCharsets.UTF_8)),
                        "x.pth",
                        false),
                "big-endian");
        assertRefused(
                () -> TorchFile.read(
                        Pickle.zip(new String[] {"a/data.pkl", "b/data.pkl"}, pickle, pickle), "x.pth", false),
                "found 2");
        assertRefused(
                () -> TorchFile.read(Pickle.zip(new String[] {"m/data.pkl"}, pickle), "x.pth", false), "m/data/0");
        assertRefused(() -> TorchFile.read(pickle, "x.pth", false), "magic number");
        assertRefused(() -> TorchFile.read(Pickle.zip(pickle, new byte[12]), "x.pth", false), "12 bytes");
        refused(Pickle.start().tensor("0", 4, 0, new long[] {4}, new long[] {1}), "dict of tensors");
        refused(Pickle.start().ascii("}").text("net").ascii("}s"), "[net]");
        var traversal = Pickle.start()
                .ascii("}")
                .text("w")
                .tensor("../../../etc/passwd", 4, 0, new long[] {4}, new long[] {1})
                .ascii("s");
        refused(traversal, "any/data/../../../etc/passwd");
    }

    @Test
    void namesThatMeetWhenModuleIsStrippedAreRefused() {
        var pickle = Pickle.start()
                .ascii("}(")
                .text("w")
                .tensor("0", 4, 0, new long[] {4}, new long[] {1})
                .text("module.w")
                .tensor("0", 4, 0, new long[] {4}, new long[] {1})
                .ascii("u");
        refused(pickle, "two tensors named w");
    }

    @Test
    void olderAndNewerProtocolsAreUnderstood() {
        var text = new Pickle()
                .ascii("(dp0\nS'w'\np1\nctorch._utils\n_rebuild_tensor_v2\n"
                        + "((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n")
                .ascii("L4L\ntQI0\n(I4\ntp7\n(I1\ntI00\nccollections\nOrderedDict\n(tRtRs(S'n'\nV1\ntag");
        // The last instructions are nonsense on purpose: "a" appends to a dict.
        refused(text, "no list");
        var sound = new Pickle()
                .ascii("(dp0\nS'w'\np1\nctorch._utils\n_rebuild_tensor_v2\n"
                        + "((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n")
                .ascii("L4L\ntQI0\n(I4\ntp7\n(I1\ntI00\nccollections\nOrderedDict\n(tRtRsVepoch\nF1.5\ns");
        var dict = TorchFile.read(Pickle.zip(sound.end(), FOUR_FLOATS), "x.pth", false);
        assertThat(dict.get("w").shape()).containsExactly(4);
        assertThat(dict.metadata()).containsEntry("epoch", "1.5");
        var framed = new Pickle()
                .op(0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0)
                .ascii("}")
                .op(0x94, 0x8c, 1, 'w')
                .tensor("0", 4, 0, new long[] {2, 2}, new long[] {2, 1})
                .ascii("s");
        assertThat(TorchFile.read(Pickle.zip(framed.end(), FOUR_FLOATS), "x.pth", false)
                        .get("w")
                        .shape())
                .containsExactly(2, 2);
    }

    private static void refused(Pickle pickle, String part) {
        var bytes = pickle.end();
        assertRefused(() -> TorchFile.read(Pickle.zip(bytes, FOUR_FLOATS), "x.pth", false), part);
        var keys = Pickle.start().ascii("]").end();
        assertRefused(() -> TorchFile.read(Pickle.legacy(bytes, keys, new byte[0]), "x.pth", false), "x.pth");
    }
}
