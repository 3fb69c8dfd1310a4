package dev.vitrail.distributed;

import java.util.TreeMap;
import java.util.function.Supplier;

/** Text exchanged by the processes of a group: values that must be the same in all, and values of rank 0. */
final class Agreement {
    private final Roster roster;

    Agreement(Roster roster) {
        this.roster = roster;
    }

    /**
     * Requires a value to be the same in all processes. To be called by all, topic after topic.
     *
     * @throws VitrailException in all processes, naming the first line in which the first that differs does so
     */
    void requireSame(String topic, String value) {
        var own = topic + "\n" + value;
        if (!roster.isFirst()) {
            roster.tell(new Message(Message.Type.VALUE, own));
            roster.next(0);
            return;
        }
        var others = new TreeMap<Integer, String>();
        roster.connections()
                .forEach(other -> others.put(other.rank, roster.next(other.rank).text()));
        others.forEach((rank, other) -> {
            if (!other.equals(own)) {
                throw roster.refuse("rank %d and rank 0 differ in %s: %s; start all processes with the same"
                        .formatted(rank, topic, difference(own, other)));
            }
        });
        roster.tell(Message.of(Message.Type.AGREED));
    }

    static String difference(String own, String other) {
        var mine = own.split("\n", -1);
        var theirs = other.split("\n", -1);
        int line = 0;
        while (line < Math.min(mine.length, theirs.length) && mine[line].equals(theirs[line])) {
            line++;
        }
        return "'%s' there, '%s' here"
                .formatted(
                        line < theirs.length ? theirs[line] : "nothing", line < mine.length ? mine[line] : "nothing");
    }

    /** The text of rank 0, in all processes. */
    String share(Supplier<String> first) {
        if (!roster.isFirst()) {
            return roster.next(0).text();
        }
        var text = first.get();
        roster.tell(new Message(Message.Type.VALUE, text));
        return text;
    }
}
