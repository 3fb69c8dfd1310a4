package dev.vitrail.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The share of the processor that Linux allows this process, as the kernel's cgroups say it: {@code cpu.max} of version
 * 2, or {@code cpu.cfs_quota_us} by {@code cpu.cfs_period_us} of version 1 (kernel documentation, cgroup-v2 and
 * sched-bwc). The JVM rounds the same figure up to whole processors; what decides how to wait is the fraction.
 */
final class CpuLimits {
    private CpuLimits() {}

    /** Processors' worth of time allowed, empty where there is no limit or none is known. */
    static OptionalDouble quota() {
        return quota(Path.of("/"));
    }

    /**
     * Processors' worth of time allowed, read from a file system that begins at a folder: the least of the limits of
     * the process's group and the groups that hold it.
     */
    static OptionalDouble quota(Path root) {
        double least = Double.POSITIVE_INFINITY;
        for (var line : lines(root.resolve("proc/self/cgroup"))) {
            // hierarchy:controllers:path; version 2 has no controllers here.
            var fields = line.split(":", 3);
            if (fields.length < 3) {
                continue;
            }
            boolean second = fields[1].isEmpty();
            if (!second && !List.of(fields[1].split(",")).contains("cpu")) {
                continue;
            }
            for (var mount : second ? List.of("", "unified") : List.of(fields[1], "cpu")) {
                var top = root.resolve("sys/fs/cgroup").resolve(mount);
                var group = top.resolve(fields[2].substring(1)).normalize();
                for (var at = group; at != null && at.startsWith(top); at = at.getParent()) {
                    least = Math.min(least, second ? secondVersion(at) : firstVersion(at));
                }
            }
        }
        return least == Double.POSITIVE_INFINITY ? OptionalDouble.empty() : OptionalDouble.of(least);
    }

    private static double secondVersion(Path group) {
        var lines = lines(group.resolve("cpu.max"));
        var fields = lines.isEmpty() ? new String[0] : lines.get(0).split(" ");
        return fields.length == 2 ? ratio(fields[0], fields[1]) : Double.POSITIVE_INFINITY;
    }

    private static double firstVersion(Path group) {
        var quota = lines(group.resolve("cpu.cfs_quota_us"));
        var period = lines(group.resolve("cpu.cfs_period_us"));
        return quota.isEmpty() || period.isEmpty() ? Double.POSITIVE_INFINITY : ratio(quota.get(0), period.get(0));
    }

    /** No limit is written as {@code max} or −1. */
    private static double ratio(String quota, String period) {
        return quota.matches("[1-9]\\d{0,14}") && period.matches("[1-9]\\d{0,14}")
                ? Double.parseDouble(quota) / Double.parseDouble(period)
                : Double.POSITIVE_INFINITY;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of(); // Not a Linux, or another version of cgroups: no limit is known.
        }
    }
}
