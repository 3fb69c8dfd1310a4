package dev.vitrail.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.multipart.AggregatedMultipart;
import com.linecorp.armeria.common.multipart.Multipart;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.vitrail.serve.batching.BatchedModel.Output;
import dev.vitrail.serve.batching.Timing;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * {@code POST /v1/classify} and {@code /v1/embed}: an image as the body, files of a form, or Hugging Face's {@code
 * {"inputs": …}}.
 *
 * <p>One image as the body or as {@code "inputs": "…"} gives one result; a form or a list of inputs gives a list of
 * results. URLs are refused, not fetched.
 */
final class ImageApi {
    private static final int DEFAULT_TOP = 5;

    /**
     * A class of an image.
     *
     * @param label its name
     * @param score its probability
     * @param index its row of the classifier
     */
    record Score(String label, double score, int index) {}

    /** Content of a request's body. */
    record Images(List<Inference.Input> inputs, boolean one, int top) {}

    private final ModelRequests requests;

    ImageApi(ModelRequests requests) {
        this.requests = requests;
    }

    HttpService classify() {
        return service(
                Output.LOGITS,
                (served, images) -> row -> served.model().vitrail().top(row, images.top()).stream()
                        .map(found -> new Score(found.label(), found.probability(), found.index()))
                        .toList());
    }

    HttpService embed() {
        return service(Output.EMBEDDINGS, (served, images) -> row -> row);
    }

    @FunctionalInterface
    private interface Shown {
        Function<float[], Object> of(ServedModel served, Images images);
    }

    private HttpService service(Output output, Shown shown) {
        return requests.guarded((context, request) -> read(context, request)
                .thenCompose(images -> requests.answer(
                        context,
                        (served, scope) -> requests.inference().run(served, Set.of(output), images.inputs(), scope),
                        (served, rows, timing) -> {
                            var results = rows.of(output).stream()
                                    .map(shown.of(served, images))
                                    .toList();
                            return respond(images.one() ? results.get(0) : results, timing);
                        })));
    }

    /** The images of a body, of whichever type it is. */
    static CompletionStage<Images> read(ServiceRequestContext context, AggregatedHttpRequest request) {
        var type = type(request);
        return type.is(MediaType.MULTIPART_FORM_DATA)
                ? form(context, request)
                : CompletableFuture.completedFuture(images(context, type, request));
    }

    private static int top(ServiceRequestContext context) {
        var text = context.queryParam("top");
        return text == null ? DEFAULT_TOP : number(text);
    }

    private static int number(String text) {
        RequestException.requireGood(
                text.matches("\\d{1,6}"), "the number of classes is '%s': expected a whole number, 0 or more", text);
        return Integer.parseInt(text);
    }

    private static MediaType type(AggregatedHttpRequest request) {
        var type = request.contentType();
        return type == null ? MediaType.OCTET_STREAM : type;
    }

    static HttpResponse respond(Object results, Timing timing) {
        var headers = ResponseHeaders.builder(HttpStatus.OK)
                .contentType(MediaType.JSON)
                .set(HttpHeaderNames.SERVER_TIMING, serverTiming(timing))
                .build();
        return HttpResponse.of(headers, HttpData.wrap(Responses.bytes(results)));
    }

    /** Times of a request's stages, in milliseconds, as the header {@code Server-Timing} that browsers show. */
    static String serverTiming(Timing timing) {
        return String.format(
                Locale.ROOT,
                "decode;dur=%.2f, queue;dur=%.2f, infer;dur=%.2f",
                timing.decodeNanos() / 1e6,
                timing.queueNanos() / 1e6,
                timing.inferNanos() / 1e6);
    }

    // -------------------------------------------------------------------------------------------------------- bodies

    private static Images images(ServiceRequestContext context, MediaType type, AggregatedHttpRequest request) {
        if (type.isJson()) {
            return json(context, Responses.parse(request.content().array()));
        }
        if (type.type().equals("image") || type.is(MediaType.OCTET_STREAM)) {
            return new Images(
                    List.of(new Inference.Input.Encoded(request.content().array(), "the body")), true, top(context));
        }
        throw new RequestException(
                Failure.UNSUPPORTED_TYPE,
                ("the body is of the type %s: expected image/*, application/octet-stream, multipart/form-data or "
                                + "application/json")
                        .formatted(type.nameWithoutParameters()));
    }

    private static CompletableFuture<Images> form(ServiceRequestContext context, AggregatedHttpRequest request) {
        return parts(request).thenApply(form -> {
            var inputs = new ArrayList<Inference.Input>();
            int top = top(context);
            for (var part : form.bodyParts()) {
                if ("top".equals(part.name())) {
                    top = number(part.contentUtf8().strip());
                } else {
                    var name = part.filename() == null ? part.name() : part.filename();
                    inputs.add(new Inference.Input.Encoded(
                            part.content().array(), "the file '%s'".formatted(name == null ? "" : name)));
                }
            }
            RequestException.requireGood(!inputs.isEmpty(), "the form has no files: expected one image or more");
            return new Images(List.copyOf(inputs), false, top);
        });
    }

    /** The parts of a form, whose faults are the client's. */
    private static CompletableFuture<AggregatedMultipart> parts(AggregatedHttpRequest request) {
        try {
            return Multipart.from(request.toHttpRequest()).aggregate().exceptionally(failed -> {
                throw malformed(failed);
            });
        } catch (RuntimeException e) {
            throw malformed(e);
        }
    }

    private static RequestException malformed(Throwable cause) {
        return RequestException.bad(
                "the form cannot be read (%s): expected multipart/form-data with the boundary that its type names",
                String.valueOf(cause.getMessage()));
    }

    private static Images json(ServiceRequestContext context, JsonNode body) {
        var inputs = body.path("inputs");
        var parameters = body.path("parameters");
        var wanted = parameters.path("top_k").isMissingNode() ? parameters.path("top") : parameters.path("top_k");
        int top = wanted.isMissingNode() || wanted.isNull() ? top(context) : number(wanted.asText());
        if (inputs.isTextual()) {
            return new Images(List.of(decoded(inputs.textValue(), "inputs")), true, top);
        }
        RequestException.requireGood(
                inputs.isArray() && !inputs.isEmpty(),
                "'inputs' is missing or of another kind: expected an image in Base64 or as a data URL, or a list "
                        + "of them");
        var all = new ArrayList<Inference.Input>();
        for (int i = 0; i < inputs.size(); i++) {
            RequestException.requireGood(
                    inputs.get(i).isTextual(),
                    "inputs[%d] is not a string: expected an image in Base64 or as a data URL",
                    i);
            all.add(decoded(inputs.get(i).textValue(), "inputs[%d]".formatted(i)));
        }
        return new Images(List.copyOf(all), false, top);
    }

    private static Inference.Input decoded(String text, String name) {
        return new Inference.Input.Encoded(EncodedText.decode(text, name), name);
    }
}
