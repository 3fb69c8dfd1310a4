package dev.vitrail.weights.torch;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.weights.StateDict;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where in a training's file the weights lie, and what may lie beside them. */
class NestedWeightsTest {
    private static final byte[] FOUR_FLOATS = new byte[16];

    private static Pickle dict(Pickle pickle, List<String> path, String leaf) {
        for (var entry : path) {
            pickle.ascii("}").text(entry);
        }
        pickle.ascii("}")
                .text(leaf)
                .tensor("0", 4, 0, new long[] {2, 2}, new long[] {2, 1})
                .ascii("s");
        for (int i = 0; i < path.size(); i++) {
            pickle.ascii("s");
        }
        return pickle;
    }

    private static StateDict read(Pickle pickle, boolean ema) {
        return TorchFile.read(Pickle.zip(pickle.end(), FOUR_FLOATS), "x.pth", ema);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "state_dict",
                "model_state_dict",
                "model",
                "module",
                "net",
                "teacher",
                "student",
                "encoder",
                "backbone",
                "model/state_dict",
                "checkpoint/model/module",
                "state_dict/net/encoder",
                "whatever/people/call/it"
            })
    void weightsAreFoundBelowEntries(String path) {
        var state = read(dict(Pickle.start(), List.of(path.split("/")), "w"), false);
        assertThat(state.names()).containsExactly("w");
        boolean usual = path.equals("state_dict") || path.equals("model");
        assertThat(state.notes()).hasSize(usual ? 0 : 1);
        assertThat(state.averaged()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"state_dict_ema", "model_ema", "ema", "ema_state_dict"})
    void averagesAreTakenWhereNothingElseIsOrWhereTheyAreWanted(String entry) {
        assertThat(read(dict(Pickle.start(), List.of(entry), "w"), false).averaged())
                .isTrue();
        var both = Pickle.start().ascii("}(").text("model");
        dict(both, List.of(), "trained").text(entry);
        dict(both, List.of(), "averaged").ascii("u");
        var bytes = Pickle.zip(both.end(), FOUR_FLOATS);
        assertThat(TorchFile.read(bytes, "x.pth", false).names()).containsExactly("trained");
        assertThat(TorchFile.read(bytes, "x.pth", true).names()).containsExactly("averaged");
    }

    @Test
    void anOptimizersStateIsNoModel() {
        var pickle = Pickle.start().ascii("}(").text("my_model");
        dict(pickle, List.of("inside"), "w").text("optimizer_state_dict");
        dict(pickle, List.of("state"), "exp_avg").text("torch_rng_state");
        pickle.tensor("0", 4, 0, new long[] {4}, new long[] {1}).ascii("u");
        var state = read(pickle, false);
        assertThat(state.names()).containsExactly("w");
        assertThat(state.notes()).singleElement().asString().contains("my_model → inside");
    }

    @Test
    void ofSeveralUnknownEntriesAllAreListed() {
        var pickle = Pickle.start().ascii("}(").text("netG");
        dict(pickle, List.of(), "w").text("netD");
        dict(pickle, List.of(), "w").ascii("u");
        assertRefused(() -> read(pickle, false), "netG, netD");
    }

    @Test
    void theArchitectureThatAFileNamesIsKept() {
        var pickle = Pickle.start()
                .ascii("}(")
                .text("arch")
                .text("vit_tiny_patch16_224")
                .text("state_dict");
        dict(pickle, List.of(), "w").ascii("u");
        assertThat(read(pickle, false).architecture()).contains("vit_tiny_patch16_224");
        var args = Pickle.start()
                .ascii("}(")
                .text("args")
                .global("argparse", "Namespace")
                .ascii(")")
                .op(0x81)
                .ascii("}")
                .text("model")
                .text("deit_tiny_patch16_224")
                .ascii("sb")
                .text("model");
        dict(args, List.of(), "w").ascii("u");
        assertThat(read(args, false).architecture()).contains("deit_tiny_patch16_224");
    }

    /** Values as protocol 2 and later write them; each is called with arguments and given a state. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "collections Counter",
                "collections defaultdict",
                "collections deque",
                "__builtin__ set",
                "builtins frozenset",
                "builtins complex",
                "_codecs encode",
                "argparse Namespace",
                "types SimpleNamespace",
                "datetime datetime",
                "datetime timedelta",
                "pathlib PosixPath",
                "pathlib._local PosixPath",
                "uuid UUID",
                "numpy dtype",
                "numpy ndarray",
                "numpy.core.multiarray scalar",
                "numpy._core.multiarray scalar",
                "numpy.core.multiarray _reconstruct",
                "numpy.dtypes Float64DType",
                "torch device",
                "torch Generator",
                "torch.nn.parameter Parameter",
                "lightning.fabric.utilities.data AttributeDict",
                "omegaconf.dictconfig DictConfig"
            })
    void harmlessValuesAreInertBesideTheWeightsAndRefusedAmongThem(String name) {
        var parts = name.split(" ");
        var beside = Pickle.start().ascii("}(").text("value");
        value(beside, parts[0], parts[1]).text("state_dict");
        dict(beside, List.of(), "w").ascii("u");
        var state = read(beside, false);
        assertThat(state.names()).containsExactly("w");
        assertThat(state.metadata()).isEmpty();
        var among = Pickle.start().ascii("}(").text("value");
        value(among, parts[0], parts[1])
                .text("w")
                .tensor("0", 4, 0, new long[] {4}, new long[] {1})
                .ascii("u");
        if (!parts[1].equals("Namespace")) {
            assertRefused(() -> read(among, false), parts[0] + "." + parts[1] + " under value among its weights");
        }
    }

    private static Pickle value(Pickle pickle, String module, String name) {
        return pickle.global(module, name)
                .ascii("(")
                .text("f8")
                .integer(0)
                .ascii("tR(")
                .integer(3)
                .text("<")
                .ascii("tb");
    }

    @Test
    void itemsOfCountersAndDequesAreTakenAndDropped() {
        var pickle = Pickle.start()
                .ascii("}(")
                .text("milestones")
                .global("collections", "Counter")
                .ascii("}")
                .integer(30)
                .integer(1)
                .ascii("s")
                .op(0x85)
                .ascii("R")
                .text("losses")
                .global("collections", "deque")
                .ascii(")R(")
                .integer(1)
                .integer(2)
                .ascii("e")
                .text("by_key")
                .global("collections", "defaultdict")
                .global("builtins", "list")
                .op(0x85)
                .ascii("R")
                .text("k")
                .integer(1)
                .ascii("s")
                .text("model");
        dict(pickle, List.of(), "w").ascii("u");
        assertThat(read(pickle, false).names()).containsExactly("w");
    }

    /** Protocols 4 and 5 write the magic number in a frame. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5})
    void legacyFilesOfAllProtocolsAreKnown(int protocol) {
        var object = dict(Pickle.start(), List.of("model"), "w").end();
        var keys = Pickle.start().ascii("]").text("0").ascii("a").end();
        var storage = new byte[8 + 16];
        storage[0] = 4;
        var file = Pickle.legacy(object, keys, storage);
        var magic = new Pickle().op(0x80, protocol);
        if (protocol >= 4) {
            magic.op(0x95, 13, 0, 0, 0, 0, 0, 0, 0);
        }
        var start = magic.op(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)
                .end();
        var whole = new byte[file.length - 15 + start.length];
        System.arraycopy(start, 0, whole, 0, start.length);
        System.arraycopy(file, 15, whole, start.length, file.length - 15);
        assertThat(TorchFile.read(whole, "x.pth", false).names()).containsExactly("w");
    }
}
