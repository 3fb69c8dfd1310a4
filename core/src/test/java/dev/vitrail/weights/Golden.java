package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** The checkpoint fixtures, and the one way in which anything may fail. */
public final class Golden {
    public static final Path CHECKPOINTS = Path.of("src/test/resources/golden/checkpoints");

    private Golden() {}

    public static byte[] bytes(String file) {
        try {
            return Files.readAllBytes(CHECKPOINTS.resolve(file));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    public static JsonNode json(String file) {
        return JsonFile.read(CHECKPOINTS.resolve(file));
    }

    /** The tensors {@code weights/*} that a case expects. */
    public static StateDict expected(String caseId) {
        var expected = new ArrayList<StoredTensor>();
        for (var tensor : Safetensors.read(CHECKPOINTS.resolve(caseId + ".safetensors"))) {
            if (tensor.name().startsWith("weights/")) {
                expected.add(tensor.named(tensor.name().substring("weights/".length())));
            }
        }
        return new StateDict(expected, Map.of(), caseId);
    }

    /** Asserts a refusal of one sentence, by our own exception, that names {@code part}. */
    public static void assertRefused(ThrowingCallable reading, String part) {
        var thrown = catchThrowable(reading);
        assertThat(thrown).isExactlyInstanceOf(VitrailException.class);
        assertThat(thrown.getMessage()).contains(part).doesNotContain("\n").doesNotContain(": null");
    }
}
