package dev.vitrail.distributed;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Rendezvous of a process group: the address at which rank 0 waits for the others, and the rank of this process.
 *
 * @param address host name or address of the machine of rank 0, as all processes reach it
 * @param port of that machine
 * @param rank number of this process, from 0
 * @param worldSize number of processes
 * @param localRank number of this process among those of its machine, from 0: the GPU that it takes
 * @param attempt names the start of the group where {@code torchrun} serves a store of keys at address and port,
 *     through which rank 0 then tells where it waits; empty where rank 0 itself takes the port
 */
public record Rendezvous(String address, int port, int rank, int worldSize, int localRank, Optional<String> attempt) {
    private static final String ADDRESS = "MASTER_ADDR", PORT = "MASTER_PORT", RANK = "RANK", SIZE = "WORLD_SIZE";
    private static final String LOCAL_RANK = "LOCAL_RANK";
    private static final List<String> VARIABLES = List.of(ADDRESS, PORT, RANK, SIZE, LOCAL_RANK);

    public Rendezvous {
        require(
                worldSize >= 1 && rank >= 0 && rank < worldSize,
                "rank %d is outside of a world of %d processes: ranks go from 0 to WORLD_SIZE − 1",
                rank,
                worldSize);
        require(
                localRank >= 0 && localRank < worldSize,
                "local rank %d is outside of a world of %d processes: it counts the processes of one machine from 0",
                localRank,
                worldSize);
        require(port >= 1 && port <= 65535, "a port lies between 1 and 65535, found %d", port);
        require(!address.isBlank(), "the address of rank 0 is empty: name the machine that rank 0 runs on");
    }

    /** A rendezvous at a port that rank 0 itself takes. */
    public Rendezvous(String address, int port, int rank, int worldSize, int localRank) {
        this(address, port, rank, worldSize, localRank, Optional.empty());
    }

    /**
     * The rendezvous that {@code torchrun} and its like set in the environment: {@code MASTER_ADDR}, {@code
     * MASTER_PORT}, {@code RANK}, {@code WORLD_SIZE}, {@code LOCAL_RANK}.
     *
     * @return empty if neither RANK nor WORLD_SIZE is set
     * @throws VitrailException naming the variables that are missing or not numbers
     */
    public static Optional<Rendezvous> of(Map<String, String> environment) {
        if (!environment.containsKey(RANK) && !environment.containsKey(SIZE)) {
            return Optional.empty();
        }
        var missing = VARIABLES.stream()
                .filter(name -> environment.getOrDefault(name, "").isBlank())
                .toList();
        require(
                missing.isEmpty(),
                "training across processes needs the environment variables %s, but %s %s not set: start with torchrun"
                        + " or with --processes, or unset RANK and WORLD_SIZE to train in one process",
                String.join(", ", VARIABLES),
                String.join(" and ", missing),
                missing.size() == 1 ? "is" : "are");
        boolean served = Boolean.parseBoolean(environment.getOrDefault("TORCHELASTIC_USE_AGENT_STORE", "false"));
        return Optional.of(new Rendezvous(
                environment.getOrDefault(ADDRESS, ""),
                number(environment, PORT),
                number(environment, RANK),
                number(environment, SIZE),
                number(environment, LOCAL_RANK),
                served ? Optional.of(environment.getOrDefault("TORCHELASTIC_RESTART_COUNT", "0")) : Optional.empty()));
    }

    private static int number(Map<String, String> environment, String name) {
        var value = environment.getOrDefault(name, "").strip();
        require(
                value.matches("\\d{1,9}"),
                "the environment variable %s is '%s': expected a whole number, 0 or more",
                name,
                value);
        return Integer.parseInt(value);
    }

    /** Environment variables of this rendezvous, for a process that is started; {@link #of} reads them. */
    public Map<String, String> toEnvironment() {
        return Map.of(
                ADDRESS, address,
                PORT, Integer.toString(port),
                RANK, Integer.toString(rank),
                SIZE, Integer.toString(worldSize),
                LOCAL_RANK, Integer.toString(localRank));
    }

    /** {@code rank 1 of 4}. */
    String name(int other) {
        return "rank %d of %d".formatted(other, worldSize);
    }
}
