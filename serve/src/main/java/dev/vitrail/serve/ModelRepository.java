package dev.vitrail.serve;

import dev.vitrail.Vitrail;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.serve.batching.BatchScheduler;
import dev.vitrail.serve.batching.BatchedModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The models by their names. A model that is loaded again replaces the former once it is warm; until then, and if that
 * fails, the former serves.
 */
final class ModelRepository implements AutoCloseable {
    /** Loads what {@code --model} names. */
    @FunctionalInterface
    interface Loader {
        /** @throws VitrailException if there is no such model */
        LoadedModel load(String source);
    }

    /** State of a model. */
    enum State {
        LOADING,
        READY,
        UNAVAILABLE
    }

    /**
     * A line of the index.
     *
     * @param version empty where nothing is loaded
     * @param reason why the last load failed; else empty
     */
    record Entry(String name, String version, State state, String reason) {}

    private static final Logger LOG = LoggerFactory.getLogger(ModelRepository.class);

    private static final class Slot {
        private String source;
        private State state = State.LOADING;
        private String reason = "";
        private Optional<ServedModel> current = Optional.empty();
        private int versions;

        Slot(String source) {
            this.source = source;
        }
    }

    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final Loader loader;
    private final BatchScheduler scheduler;
    private final ServerMetrics metrics;
    private final ServerOptions.Batching batching;
    /** One load at a time: two would need the memory of both, and warm up against each other. */
    private final Object loading = new Object();

    ModelRepository(
            Map<String, String> sources,
            Loader loader,
            BatchScheduler scheduler,
            ServerMetrics metrics,
            ServerOptions.Batching batching) {
        this.loader = loader;
        this.scheduler = scheduler;
        this.metrics = metrics;
        this.batching = batching;
        sources.forEach(this::add);
    }

    /** Loads all models; the first that fails ends it. */
    void loadAll() {
        for (var name : names()) {
            load(name, Optional.empty());
        }
    }

    /**
     * Loads a model, or loads it again.
     *
     * @param source empty for where it came from last
     * @throws VitrailException if that fails; the former model serves on
     */
    void load(String name, Optional<String> source) {
        synchronized (loading) {
            var slot = begin(name, source);
            var from = source.orElse(slot.source);
            try {
                var fresh = warm(name, from, slot.versions + 1);
                var former = replace(slot, from, fresh);
                former.ifPresent(ServedModel::release);
                LOG.info("model '{}' version {} is ready", name, fresh.version());
            } catch (RuntimeException | Error e) {
                fail(slot, String.valueOf(e.getMessage()));
                throw e;
            }
        }
    }

    private Slot add(String name, String source) {
        var slot = new Slot(source);
        slots.put(name, slot);
        metrics.queue(name, () -> admitted(name));
        return slot;
    }

    private synchronized Slot begin(String name, Optional<String> source) {
        var slot = slots.get(name);
        if (slot == null) {
            slot = add(name, source.orElseThrow(() -> unknown(name)));
        }
        if (slot.current.isEmpty()) {
            slot.state = State.LOADING;
        }
        return slot;
    }

    private ServedModel warm(String name, String source, int version) {
        var vitrail = new Vitrail(loader.load(source));
        var model = new BatchedModel(name, vitrail, scheduler, batching.maxBatch(), batching.latencyBudget());
        try {
            model.warmUp();
            return new ServedModel(name, version, model, batching.queue());
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private synchronized Optional<ServedModel> replace(Slot slot, String source, ServedModel fresh) {
        var former = slot.current;
        slot.current = Optional.of(fresh);
        slot.source = source;
        slot.state = State.READY;
        slot.reason = "";
        slot.versions++;
        return former;
    }

    private synchronized void fail(Slot slot, String reason) {
        slot.reason = reason;
        slot.state = slot.current.isPresent() ? State.READY : State.UNAVAILABLE;
    }

    /** Takes a model out of service; requests that hold it are answered. */
    void unload(String name) {
        Optional<ServedModel> former;
        synchronized (this) {
            var slot = slots.get(name);
            if (slot == null) {
                throw unknown(name);
            }
            former = slot.current;
            slot.current = Optional.empty();
            slot.state = State.UNAVAILABLE;
            slot.reason = "unloaded";
        }
        former.ifPresent(ServedModel::release);
    }

    /**
     * The model of a name, held for the caller, who is to release it.
     *
     * @param name empty for the only model, or the first
     * @param version empty for the one that serves
     * @throws RequestException if there is none, or it is not ready
     */
    synchronized ServedModel hold(String name, String version) {
        var found = name.isEmpty()
                ? slots.entrySet().iterator().next()
                : Optional.ofNullable(slots.get(name))
                        .map(slot -> Map.entry(name, slot))
                        .orElseThrow(() -> unknown(name));
        var model = found.getValue()
                .current
                .orElseThrow(() -> new RequestException(
                        Failure.UNAVAILABLE,
                        "the model '%s' is not ready (%s)"
                                .formatted(
                                        found.getKey(),
                                        found.getValue().state.name().toLowerCase(Locale.ROOT))));
        if (!version.isEmpty() && !version.equals(model.version())) {
            throw new RequestException(
                    Failure.NOT_FOUND,
                    "the model '%s' has no version '%s': expected '%s'"
                            .formatted(found.getKey(), version, model.version()));
        }
        if (!model.hold()) {
            throw new IllegalStateException("a model in service is held by the repository");
        }
        return model;
    }

    private RequestException unknown(String name) {
        return new RequestException(
                Failure.NOT_FOUND, "there is no model '%s': expected one of %s".formatted(name, slots.keySet()));
    }

    synchronized List<String> names() {
        return List.copyOf(slots.keySet());
    }

    /** Returns whether every model that was not unloaded serves. */
    synchronized boolean ready() {
        return slots.values().stream().noneMatch(slot -> slot.state == State.LOADING);
    }

    /** All models, and what they are doing. */
    synchronized List<Entry> index() {
        return slots.entrySet().stream()
                .map(slot -> new Entry(
                        slot.getKey(),
                        slot.getValue().current.map(ServedModel::version).orElse(""),
                        slot.getValue().state,
                        slot.getValue().reason))
                .toList();
    }

    /** Images in the queue of each model that serves. */
    synchronized int admitted(String name) {
        return Optional.ofNullable(slots.get(name))
                .flatMap(slot -> slot.current)
                .map(ServedModel::admitted)
                .orElse(0);
    }

    @Override
    public void close() {
        for (var name : names()) {
            unload(name);
        }
    }
}
