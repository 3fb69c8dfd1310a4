package dev.vitrail.serve;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.vitrail.Vitrail;
import dev.vitrail.errors.Names;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.report.InspectPictures;
import dev.vitrail.serve.batching.Timing;
import java.util.Base64;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/**
 * {@code POST /v1/explain}: why an image is given a class. The body holds one image, as {@code /v1/classify} takes it.
 * The answer is JSON with the default explanation's values, or for {@code Accept: image/png} the map drawn over the
 * image as the model saw it.
 *
 * <p>An explanation runs with the model alone, between batches, at the cost of some four passes.
 */
final class ExplainApi {
    private static final MediaType PNG = MediaType.PNG;

    /**
     * Explanation of the class that an image is given.
     *
     * @param label of the explained class
     * @param score its probability
     * @param index its row of the classifier
     * @param method relevance, or Grad-CAM for models without attention
     * @param map the method's map
     * @param layers what the class token attends to, layer by layer; empty if not asked for, or without a class token
     * @param image the image as the model saw it, as JPEG in Base64
     */
    record Explained(
            String label, double score, int index, String method, CellMap map, List<Layer> layers, String image) {}

    /**
     * A value for each cell of the image.
     *
     * @param height rows of cells
     * @param width columns of cells
     * @param values row by row, as the method's formula gives them
     */
    @SuppressWarnings("ArrayRecordComponent") // becomes JSON
    record CellMap(int height, int width, float[] values) {
        static CellMap of(GridMap map) {
            return new CellMap(map.height(), map.width(), map.values());
        }
    }

    /** The heads of a layer. */
    record Layer(String name, List<CellMap> heads) {}

    /** An explanation, and the image that it is drawn over. */
    private record Found(
            String label, double score, int index, String method, GridMap map, List<Layer> layers, RgbImage seen) {
        Explained json() {
            return new Explained(
                    label,
                    score,
                    index,
                    method,
                    CellMap.of(map),
                    layers,
                    Base64.getEncoder().encodeToString(ImageEncoder.jpeg(seen)));
        }
    }

    private final ModelRequests requests;

    ExplainApi(ModelRequests requests) {
        this.requests = requests;
    }

    HttpService service() {
        return requests.guarded((context, request) ->
                ImageApi.read(context, request).thenCompose(images -> answer(context, request, images)));
    }

    private CompletionStage<HttpResponse> answer(
            ServiceRequestContext context, AggregatedHttpRequest request, ImageApi.Images images) {
        RequestException.requireGood(
                images.inputs().size() == 1,
                "%d images were sent to be explained: expected one in each request",
                images.inputs().size());
        var target = context.queryParam("class");
        boolean layers = Boolean.parseBoolean(context.queryParam("layers"));
        boolean drawn = request.headers().accept().stream().anyMatch(type -> type.is(PNG));
        return requests.answer(
                context,
                (served, scope) -> requests.inference()
                        .alone(
                                served,
                                images.inputs().get(0),
                                scope,
                                (vitrail, image) -> explain(vitrail, image, target == null ? "" : target, layers)),
                (served, found, timing) -> drawn ? drawing(found, timing) : ImageApi.respond(found.json(), timing));
    }

    private static HttpResponse drawing(Found found, Timing timing) {
        var headers = ResponseHeaders.builder(HttpStatus.OK)
                .contentType(PNG)
                .set(HttpHeaderNames.SERVER_TIMING, ImageApi.serverTiming(timing))
                .build();
        var overlay = InspectPictures.overlay(found.seen, found.map);
        return HttpResponse.of(headers, HttpData.wrap(ImageEncoder.png(overlay)));
    }

    private static Found explain(Vitrail vitrail, RgbImage image, String target, boolean layers) {
        var inspector = Inspector.of(vitrail);
        var probabilities = inspector.probabilities(image);
        int index = target.isEmpty() ? Inspector.top(probabilities) : index(vitrail.loaded(), target);
        var map = inspector.defaultMaps(List.of(image), new int[] {index}).get(0);
        var attention = layers
                ? inspector.layerMaps(image, index, Set.of(Figure.CLASS_ATTENTION)).classAttention().stream()
                        .map(layer -> new Layer(
                                ModelLayout.words(layer.layer()),
                                layer.heads().stream().map(CellMap::of).toList()))
                        .toList()
                : List.<Layer>of();
        return new Found(
                vitrail.loaded().label(index),
                probabilities[index],
                index,
                inspector.defaultMethod(),
                map,
                attention,
                inspector.seen(image));
    }

    /** The class of an index or a name. */
    private static int index(LoadedModel loaded, String name) {
        int classes = loaded.model().config().classes();
        var index = name.matches("\\d{1,9}") ? OptionalInt.of(Integer.parseInt(name)) : indexOf(loaded, name);
        if (index.isEmpty() || index.getAsInt() >= classes) {
            throw RequestException.bad(
                    "the model has no class '%s': expected an index from 0 to %d%s",
                    name,
                    classes - 1,
                    loaded.labels().isEmpty()
                            ? ""
                            : ", or a name; the nearest are "
                                    + String.join(", ", Names.nearest(name, loaded.labels(), 3)));
        }
        return index.getAsInt();
    }

    private static OptionalInt indexOf(LoadedModel loaded, String name) {
        return loaded.classNames().map(names -> names.indexOf(name)).orElse(OptionalInt.empty());
    }
}
