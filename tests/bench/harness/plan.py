"""Which runs there are, and which are taken in turn with which.

A group is a list of runs that are repeated round by round, beside at most one peer's servers. A run
is the command line of a program that prints lines of JSON.
"""

import machine


class Group:
    def __init__(self, name, peer, runs, rounds):
        self.name, self.peer, self.runs, self.rounds = name, peer, runs, rounds


class Ours:
    """A run of nemcon-bench or of another program of ours."""

    marks = {}

    def __init__(self, *arguments, binary="nemcon-bench"):
        self.arguments, self.binary = [str(one) for one in arguments], binary

    def command(self, _peer, options):
        command = [machine.program(self.binary), *self.arguments]
        if self.binary == "nemcon-scale":
            return command
        seconds = [] if "--seconds" in self.arguments else ["--seconds", str(options.seconds)]
        return command + seconds + ["--directory", options.place.path]


class Theirs:
    """A run of a peer's load."""

    def __init__(self, run, connections, in_flight, **more):
        self.arguments = (run, connections, in_flight)
        self.more = more
        # Settings that make another thing of it, for its lines.
        self.marks = {name: more[name] for name in ("queue_type", "consumers") if name in more}

    def command(self, peer, options):
        processes = ",".join(str(process) for process in peer.processes())
        return peer.load(*self.arguments, **self.more) + [
            "--seconds", str(options.seconds), "--directory", options.place.path,
            "--processes", processes,
        ]


def commit(in_flight, witnesses=1, body_bytes=100, links="plain"):
    return Ours("commit", "--in-flight", in_flight, "--witnesses", witnesses, "--body-bytes",
                body_bytes, "--links", links)


def enqueue(in_flight, body_bytes=100, links="plain"):
    return Ours("enqueue", "--in-flight", in_flight, "--body-bytes", body_bytes, "--links", links)


def consume(in_flight, body_bytes=100, links="plain"):
    return Ours("consume", "--in-flight", in_flight, "--body-bytes", body_bytes, "--links", links)


# What T1, T4 and T5 are rates of.
RATES = ((commit, 64), (commit, 1000), (enqueue, 1000), (consume, 1000))


def roofline(in_flight):
    return Ours("--in-flight", in_flight, binary="nemcon-roofline")


def transactions(peer, rounds):
    theirs = {clients: [Theirs("commit", clients, 1)] if peer else [] for clients in (1, 16, 64)}
    runs = [commit(1), *theirs[1], roofline(1), commit(1, witnesses=3)]
    runs += [commit(16), *theirs[16], roofline(16), commit(16, witnesses=3)]
    runs += [commit(64), *theirs[64], roofline(64), commit(64, witnesses=3)]
    runs += [commit(1000), roofline(1000), commit(1000, witnesses=3)]
    return Group("transactions", peer, runs, rounds)


def queues(peer, rounds):
    """One in flight shows what a flush costs, and that there is one."""
    runs = [enqueue(1), consume(1)] + ([Theirs("enqueue", 1, 1)] if peer else [])
    for run, ours in (("enqueue", enqueue(1000)), ("consume", consume(1000))):
        runs.append(ours)
        if peer:
            runs += [Theirs(run, 1, 1000), Theirs(run, 16, 64)]
    if peer:
        runs.append(Theirs("consume", 16, 64, consumers=3))
        if peer.SYSTEM == "rabbitmq":
            runs += [Theirs("consume", 16, 64, queue_type="classic"),
                     Theirs("consume", 16, 64, queue_type="classic", consumers=3)]
    return Group("queues" + (f" beside {peer.SYSTEM}" if peer else ""), peer, runs, rounds)


# The connections, and how many in flight of each, at which these peers are at their best.
BEST = {"beanstalkd": (1, 1000), "activemq": (64, 16), "nats": (1, 1000)}


def queues_in_short(peer, rounds):
    """Beside peers that no target is about: at one in flight, where flushes can be counted, those of
    acknowledged deliveries too; and at their best."""
    runs = [enqueue(1), Theirs("enqueue", 1, 1), Theirs("consume", 1, 1)]
    for run, ours in (("enqueue", enqueue(1000)), ("consume", consume(1000))):
        runs += [ours, Theirs(run, *BEST[peer.SYSTEM])]
    return Group(f"queues beside {peer.SYSTEM}", peer, runs, rounds)


def bodies(rounds):
    runs = []
    for make, in_flight in RATES:
        runs += [make(in_flight, body_bytes=100), make(in_flight, body_bytes=1024)]
    return Group("bodies", None, runs, rounds)


def encrypted(rounds):
    runs = [enqueue(1, links="curve")]
    for make, in_flight in RATES:
        runs += [make(in_flight), make(in_flight, links="curve")]
    return Group("encrypted links", None, runs, rounds)


def situations(quick, rounds):
    doubt = [Ours("in-doubt", "--in-flight", 64, "--count", count) for count in (1000, 0)]
    runs = doubt + [
        Ours("restart", "--body-bytes", 1024, "--count", 2**28 if quick else 2**30),
        Ours("idle", "--seconds", 10),
    ]
    larger = [Ours("idle", "--seconds", 10, "--nodes", 10),
              Ours("idle", "--seconds", 40, "--nodes", 30)]
    deep = Ours("backlog", "--in-flight", 1000, "--count", 1_000_000 if quick else 10_000_000)
    return [
        Group("situations", None, runs, rounds),
        Group("backlog", None, [deep], 1 if quick else rounds),
        Group("scale", None, [Ours(binary="nemcon-scale")], rounds),
        Group("larger meshes", None, larger, 1),
    ]


def make(peers, check, quick, rounds):
    """`peers`: modules by their SYSTEM; none at all without --peers."""
    groups = [transactions(peers.get("postgres"), rounds)]
    others = [peers[name] for name in ("redis", "rabbitmq") if name in peers]
    groups += [queues(peer, rounds) for peer in others] or [queues(None, rounds)]
    groups += [queues_in_short(peers[name], rounds) for name in BEST if name in peers]
    if check:
        groups += [bodies(rounds), encrypted(rounds), *situations(quick, rounds)]
    return groups
