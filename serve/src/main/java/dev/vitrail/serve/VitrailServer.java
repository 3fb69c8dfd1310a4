package dev.vitrail.serve;

import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.SessionProtocol;
import com.linecorp.armeria.common.logging.RequestLogProperty;
import com.linecorp.armeria.server.GracefulShutdown;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServerPort;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.grpc.GrpcService;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.serve.batching.BatchScheduler;
import io.netty.channel.Channel;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Models behind HTTP/1.1, HTTP/2 and gRPC on one port.
 *
 * <pre>{@code
 * try (var server = VitrailServer.start(ServerOptions.DEFAULT, Map.of("tiny", "runs/shapes"), loader)) {
 *     server.loadModels();
 *     …
 * }
 * }</pre>
 */
public final class VitrailServer implements AutoCloseable {
    /** Platform of the models, as the Open Inference Protocol asks for it. */
    static final String PLATFORM = "vitrail_libtorch";

    /** Time without a request after which none is expected any more. */
    private static final Duration QUIET = Duration.ofMillis(200);

    /** Paths that need no token: those of probes. */
    private static final Set<String> OPEN = Set.of("/health", "/v2/health/live", "/v2/health/ready");

    /** Channels that accept connections, known from those that came. */
    private final Set<Channel> listening = ConcurrentHashMap.newKeySet();

    private final Health health = new Health();
    private final ServerMetrics metrics = new ServerMetrics();
    private final BatchScheduler scheduler = new BatchScheduler(metrics);
    private final ModelRepository repository;
    private final Inference inference;
    private final ServerOptions options;
    private final List<BearerToken> tokens;
    private final Server server;

    private VitrailServer(
            ServerOptions options, Map<String, String> models, Function<String, LoadedModel> loader, boolean exif) {
        this.options = options;
        VitrailException.require(!models.isEmpty(), "a server needs at least one model, found none");
        repository = new ModelRepository(models, loader::apply, scheduler, metrics, options.batching());
        inference = new Inference(options.limits().decoding(exif), metrics);
        var security = options.security();
        tokens = security.token().isEmpty()
                ? List.of()
                : Stream.concat(security.token().stream(), security.controlSecret().stream())
                        .map(BearerToken::new)
                        .toList();
        server = build();
    }

    /**
     * Starts a server that answers requests for its health, and others once {@link #loadModels} is over.
     *
     * @param models what each name stands for
     * @param loader loads what a name stands for
     * @param exif whether images are turned as their EXIF data say
     * @throws VitrailException if the port is taken, or an option is wrong
     */
    public static VitrailServer start(
            ServerOptions options, Map<String, String> models, Function<String, LoadedModel> loader, boolean exif) {
        var server = new VitrailServer(options, models, loader, exif);
        try {
            server.server.start().join();
            return server;
        } catch (CompletionException e) {
            server.close();
            throw refusal(options, e.getCause() == null ? e : e.getCause());
        }
    }

    private static VitrailException refusal(ServerOptions options, Throwable cause) {
        var reason = cause instanceof BindException
                ? "is another program there, or is it below 1024?"
                : String.valueOf(cause.getMessage());
        return new VitrailException(
                "cannot listen on %s port %d (%s): choose another with --host or --port"
                        .formatted(options.host(), options.port(), reason),
                cause);
    }

    /**
     * Loads the models and warms them up; then the server is ready.
     *
     * @throws VitrailException if one cannot be loaded
     */
    public void loadModels() {
        repository.loadAll();
        health.ready();
    }

    /** The version of this build; {@code unpackaged} where classes are not in a jar. */
    static String version() {
        var version = VitrailServer.class.getPackage().getImplementationVersion();
        return version == null ? "unpackaged" : version;
    }

    /** Methods and paths of what the OpenAPI document describes: all but gRPC and the page. */
    Set<String> restRoutes() {
        var routes = new TreeSet<String>();
        for (var service : server.serviceConfigs()) {
            var path = service.route().patternString().replaceAll(":(\\w+)", "{$1}");
            boolean page = PageFiles.paths().contains(path) && !path.equals("/openapi.json");
            if (!page && !path.startsWith("/inference.")) {
                service.route().methods().stream()
                        .filter(method -> method != HttpMethod.HEAD)
                        .forEach(method -> routes.add(method + " " + path));
            }
        }
        return routes;
    }

    /** The port that the server listens on. */
    public int port() {
        return server.activeLocalPort();
    }

    private Server build() {
        var builder = Server.builder();
        var address = new InetSocketAddress(options.host(), options.port());
        VitrailException.require(
                !address.isUnresolved(),
                "the host '%s' is unknown: expected an address of this machine",
                options.host());
        var tls = options.security().tls();
        builder.port(new ServerPort(address, tls.isPresent() ? SessionProtocol.HTTPS : SessionProtocol.HTTP));
        tls.ifPresent(TlsFilesCheck::require);
        tls.ifPresent(
                files -> builder.tls(files.certificates().toFile(), files.key().toFile()));
        limit(builder);
        routes(builder);
        return builder.build();
    }

    private void limit(ServerBuilder builder) {
        var limits = options.limits();
        builder.maxRequestLength(limits.maxBody())
                .requestTimeout(limits.timeout())
                .idleTimeout(limits.idle())
                .maxNumConnections(limits.connections())
                .http1MaxInitialLineLength(limits.maxHeader())
                .http1MaxHeaderSize(limits.maxHeader())
                .http2MaxHeaderListSize(limits.maxHeader())
                .gracefulShutdown(GracefulShutdown.builder()
                        .quietPeriod(QUIET)
                        .timeout(options.drain())
                        .build())
                .childChannelPipelineCustomizer(pipeline -> {
                    listening.add(pipeline.channel().parent());
                    pipeline.addFirst(new HeaderTimeout(limits.idle()));
                })
                .meterRegistry(metrics.registry())
                .unhandledExceptionsReportInterval(Duration.ZERO) // failures are logged where they become responses
                .disableServerHeader()
                .accessLogWriter(new AccessLog(metrics, options.accessLog()), true)
                .errorHandler(new ErrorHandler());
    }

    private void routes(ServerBuilder builder) {
        builder.decorator(this::admit);
        PageFiles.addTo(builder);
        var tensors = new TensorApi(inference, metrics);
        var control = new ModelControl(repository, options.security().controlSecret());
        new OpenInferenceRest(repository, health, tensors).addTo(builder);
        control.addTo(builder);
        var grpc = GrpcService.builder()
                .addService(new OpenInferenceGrpc(repository, health, tensors, control))
                .maxRequestMessageLength((int) options.limits().maxBody())
                .build();
        // A message over the limit gets a status of gRPC, which one over the limit of HTTP would not.
        grpc.routes()
                .forEach(route ->
                        builder.route().addRoute(route).maxRequestLength(0).build(grpc));
        var requests = new ModelRequests(repository, inference, metrics);
        var images = new ImageApi(requests);
        post(builder, "/v1/classify", images.classify());
        post(builder, "/v1/embed", images.embed());
        post(builder, "/v1/explain", new ExplainApi(requests).service());
        get(builder, "/health", health());
        get(
                builder,
                "/metrics",
                (context, request) -> HttpResponse.of(
                        HttpStatus.OK, MediaType.parse("text/plain; version=0.0.4; charset=utf-8"), metrics.scrape()));
    }

    /** Stops the clock of a request's headers, and asks for the token. */
    private HttpResponse admit(HttpService delegate, ServiceRequestContext context, HttpRequest request)
            throws Exception {
        var connection = HeaderTimeout.of(
                context.log().ensureAvailable(RequestLogProperty.SESSION).channel());
        connection.requestBegan();
        context.log().whenComplete().thenAcceptAsync(log -> connection.requestEnded(), context.eventLoop());
        if (!tokens.isEmpty()
                && !OPEN.contains(context.path())
                && !PageFiles.paths().contains(context.path())
                && tokens.stream().noneMatch(token -> token.isCarried(request.headers()))) {
            return Responses.error(
                    context,
                    new RequestException(
                            Failure.UNAUTHENTICATED,
                            "the token is missing or wrong: expected the header 'Authorization: Bearer …'"));
        }
        tellOfTheEnd(context);
        return delegate.serve(context, request).mapHeaders(headers -> {
            tellOfTheEnd(context);
            return headers;
        });
    }

    /**
     * Once the server is to end, each response of HTTP/1.1 says {@code Connection: close}: a client that kept the
     * connection would send its next request to a server that is gone. HTTP/2 has GOAWAY, which the server sends when
     * no request is under way; sooner, Java 17's client gives requests up.
     */
    private void tellOfTheEnd(ServiceRequestContext context) {
        if (health.state() == Health.State.DRAINING
                && !context.sessionProtocol().isMultiplex()) {
            context.initiateConnectionShutdown();
        }
    }

    private HttpService health() {
        return (context, request) -> {
            var state = health.state();
            return Responses.json(
                    state == Health.State.READY ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE,
                    Map.of("status", state.name().toLowerCase(Locale.ROOT)));
        };
    }

    private static void get(ServerBuilder builder, String path, HttpService service) {
        builder.service(
                Route.builder()
                        .path(path)
                        .methods(HttpMethod.GET, HttpMethod.HEAD)
                        .build(),
                service);
    }

    private static void post(ServerBuilder builder, String path, HttpService service) {
        builder.service(Route.builder().path(path).methods(HttpMethod.POST).build(), service);
    }

    /**
     * Takes no more connections, answers the requests that are under way, for as long as {@link ServerOptions#drain},
     * and ends.
     */
    @Override
    public void close() {
        health.draining();
        // The server's own stop would listen on for as long as requests come.
        listening.forEach(channel -> channel.close().awaitUninterruptibly());
        server.stop().join();
        inference.close();
        repository.close();
        scheduler.close();
        metrics.close();
    }
}
