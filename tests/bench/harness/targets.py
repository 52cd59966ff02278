"""What the product is to reach, and whether the lines of a benchmark show it.

A line is what a program printed, with the group and the round of the run added. Lines of one group
and round were taken one after the other, so ratios are made within a round, and the median of the
rounds counts. Pure functions; no file, no clock.
"""

import statistics


def key_of(line):
    """Names what was measured: lines of equal key are repetitions."""
    system = line["system"]
    if line.get("links", "plain") != "plain":
        system += "+" + line["links"]
    if line["run"] == "scale":
        return f"{system}/scale/{line['mode']}/{line['participants']}/{line['nodes']}"
    parts = [system, line["run"]]
    if line["mode"] != "-":
        parts.append(line["mode"])
    parts += [str(line["in_flight"]), str(line["body_bytes"])]
    if "waiting" in line:
        parts.append("deep" if line["waiting"] > 0 else "empty")
    if line["run"] == "idle":
        parts.append(f"{line.get('nodes', 3):g}")
    if "in_doubt" in line:
        parts.append("doubt" if line["in_doubt"] > 0 else "none")
    if "queue_type" in line:
        parts.append(line["queue_type"])
    if line.get("consumers", 1) > 1:
        parts.append(f"{line['consumers']} consumers")
    return "/".join(parts)


def medians(lines, field):
    """Median of a field for each key."""
    values = {}
    for line in lines:
        if field in line:
            values.setdefault(key_of(line), []).append(line[field])
    return {key: statistics.median(all_of) for key, all_of in values.items()}


def rounds_of(lines):
    """Lines by key, for each group and round."""
    rounds = {}
    for line in lines:
        place = rounds.setdefault((line.get("group", ""), line.get("round", 0)), {})
        place[key_of(line)] = line
    return rounds


class Ratio:
    """A field of ours, divided by that of another in the same round; of several others the best one,
    of several fields the worst ratio."""

    def __init__(self, name, what, ours, others, limit, fields=("per_second",), at_most=False):
        self.name, self.what, self.limit = name, what, limit
        self.ours, self.others = ours, others if isinstance(others, list) else [others]
        self.fields, self.at_most = fields, at_most

    def values(self, lines):
        best, worst = (min, max) if self.at_most else (max, min)
        ratios = []
        for place in rounds_of(lines).values():
            of_fields = []
            for field in self.fields:
                found = [place[key][field] for key in self.others if key in place]
                if self.ours in place and found and best(found) > 0:
                    of_fields.append(place[self.ours][field] / best(found))
            if of_fields:
                ratios.append(worst(of_fields))
        return ratios

    def value(self, lines):
        ratios = self.values(lines)
        return statistics.median(ratios) if ratios else None


class Bound:
    """A field itself: the worst of all lines with such a key."""

    def __init__(self, name, what, key, limit, field):
        self.name, self.what, self.key, self.limit, self.field = name, what, key, limit, field
        self.at_most = True

    def values(self, lines):
        return [line[self.field] for line in lines
                if self.field in line and (key_of(line) + "/").startswith(self.key + "/")]

    def value(self, lines):
        return max(self.values(lines), default=None)


class Messages:
    """Share of the simulated meshes in which a transaction takes as many messages as it should."""

    name, what = "T7a", "messages until decided: 3N-3 in mode S, 3N-1 in mode X, in every mesh"
    limit, at_most = 1, False

    def value(self, lines):
        right = [line["messages_until_decided"] == line["messages_expected"] and
                 line["messages_until_decided_spread"] == line["messages_expected"]
                 for line in lines if line["run"] == "scale"]
        return sum(right) / len(right) if right else None


class Growth:
    """Processor time of a transaction in the large mesh, divided by that in the small one: the worst
    of modes and numbers of participants. The limit is how much of it may be noise."""

    limit, at_most = 1.25, True

    def __init__(self, name, what, field):
        self.name, self.what, self.field = name, what, field

    def value(self, lines):
        cpu = medians([line for line in lines if line["run"] == "scale"], self.field)
        ratios = []
        for key, value in cpu.items():
            if key.endswith("/100") and key[:-3] + "3" in cpu:
                ratios.append(value / cpu[key[:-3] + "3"])
        return max(ratios) if ratios else None


class Flushed:
    """Flushes of an operation of ours when nothing can share one: the least of all lines, as a part of
    what there must be. Without it every figure would be one of a node that breaks its word."""

    name, what = "flush", "flushes of an operation at 1 in flight / promises of nodes in it"
    limit, at_most = 0.99, False
    # In mode X each of the two flushes its vote, and as a witness what it accepts.
    nodes = {"nemcon/commit/S/1/100": 2, "nemcon/commit/X/1/100": 4, "nemcon/enqueue/1/100": 1,
             "nemcon/consume/1/100": 1, "nemcon+curve/enqueue/1/100": 1}

    def values(self, lines):
        return [line["flushes_per_operation"] / self.nodes[key_of(line)]
                for line in lines if key_of(line) in self.nodes]

    def value(self, lines):
        return min(self.values(lines), default=None)


POSTGRES_64 = "postgres/commit/64/100"
REDIS = ["redis/{}/1000/100", "redis/{}/1024/100", "redis/{}/1024/100/3 consumers"]
RABBIT = ["rabbitmq/{}/1000/100", "rabbitmq/{}/1024/100", "rabbitmq/{}/1024/100/3 consumers"]
RABBIT_CLASSIC = ["rabbitmq/{}/1024/100/classic", "rabbitmq/{}/1024/100/classic/3 consumers"]


def of(keys, run):
    return [key.format(run) for key in keys]


TARGETS = [
    Flushed(),
    Ratio("T1a", "two-node transaction, 64 in flight / PostgreSQL 2PC, 64 clients",
          "nemcon/commit/S/64/100", POSTGRES_64, 25),
    Ratio("T1b", "the same / journal roofline", "nemcon/commit/S/64/100",
          "roofline/commit/S/64/100", 0.5),
    Ratio("T1c", "two-node transaction, 1,000 in flight / journal roofline",
          "nemcon/commit/S/1000/100", "roofline/commit/S/1000/100", 0.12),
    Ratio("T2a", "witnesses = 3, 64 in flight / witnesses = 1", "nemcon/commit/X/64/100",
          "nemcon/commit/S/64/100", 0.5),
    Ratio("T2b", "witnesses = 3, 64 in flight / PostgreSQL 2PC, 64 clients",
          "nemcon/commit/X/64/100", POSTGRES_64, 12),
    Ratio("T3a", "p50 at 1 in flight / PostgreSQL 2PC", "nemcon/commit/S/1/100",
          "postgres/commit/1/100", 0.5, fields=("p50_ms",), at_most=True),
    Ratio("T3b", "p50 at 1 in flight, witnesses = 3 / PostgreSQL 2PC", "nemcon/commit/X/1/100",
          "postgres/commit/1/100", 0.75, fields=("p50_ms",), at_most=True),
    Ratio("T4a", "enqueue, 1,000 in flight / Redis always at its best", "nemcon/enqueue/1000/100",
          of(REDIS, "enqueue"), 1),
    Ratio("T4b", "enqueue, 1,000 in flight / RabbitMQ quorum queue", "nemcon/enqueue/1000/100",
          of(RABBIT, "enqueue"), 8),
    Ratio("T5a", "enqueue + consume + ack / Redis always at its best", "nemcon/consume/1000/100",
          of(REDIS, "consume"), 1.5),
    Ratio("T5b", "enqueue + consume + ack / RabbitMQ, quorum or classic queue",
          "nemcon/consume/1000/100", of(RABBIT + RABBIT_CLASSIC, "consume"), 4),
    Ratio("T6a", "two-node transaction, encrypted links / plain", "nemcon+curve/commit/S/64/100",
          "nemcon/commit/S/64/100", 0.6),
    Ratio("T6d", "the same, 1,000 in flight", "nemcon+curve/commit/S/1000/100",
          "nemcon/commit/S/1000/100", 0.6),
    Ratio("T6b", "enqueue, encrypted links / plain", "nemcon+curve/enqueue/1000/100",
          "nemcon/enqueue/1000/100", 0.6),
    Ratio("T6c", "enqueue + consume + ack, encrypted links / plain",
          "nemcon+curve/consume/1000/100", "nemcon/consume/1000/100", 0.6),
    Messages(),
    Growth("T7b", "CPU of a transaction in a mesh of 100 / of 3, a few nodes work",
           "cpu_us_per_operation"),
    Growth("T7c", "the same, all nodes work", "cpu_us_per_operation_spread"),
    Ratio("T8a", "enqueue with a deep backlog / into an empty queue",
          "nemcon/enqueue-waiting/1000/100/deep", "nemcon/enqueue-waiting/1000/100/empty", 0.6),
    Ratio("T8b", "enqueue + consume + ack with a deep backlog / at an empty queue",
          "nemcon/consume-waiting/1000/100/deep", "nemcon/consume-waiting/1000/100/empty", 0.6,
          fields=("per_second", "enqueued_per_second")),
    Bound("T8c", "MiB resident with a deep backlog, less the map", "nemcon/enqueue-waiting/1000/100/deep",
          256, "resident_less_map_mib"),
    Ratio("T9", "traffic beside 1,000 transactions in doubt / without them",
          "nemcon/commit-in-doubt/S/64/100/doubt", "nemcon/commit-in-doubt/S/64/100/none", 0.95),
    Bound("T10", "seconds to the first commit after SIGKILL with 1 GiB in the store",
          "nemcon/restart", 1, "serving_seconds"),
    Bound("T11a", "idle node: % of a core", "nemcon/idle/S/64/100/3", 0.5, "idle_cpu_percent"),
    Bound("T11b", "idle node: MiB resident", "nemcon/idle/S/64/100/3", 32, "idle_resident_mib"),
    Ratio("T12a", "two-node transaction, 1 KiB bodies / 100 B", "nemcon/commit/S/64/1024",
          "nemcon/commit/S/64/100", 0.4),
    Ratio("T12d", "the same, 1,000 in flight", "nemcon/commit/S/1000/1024",
          "nemcon/commit/S/1000/100", 0.4),
    Ratio("T12b", "enqueue, 1 KiB bodies / 100 B", "nemcon/enqueue/1000/1024",
          "nemcon/enqueue/1000/100", 0.4),
    Ratio("T12c", "enqueue + consume + ack, 1 KiB bodies / 100 B", "nemcon/consume/1000/1024",
          "nemcon/consume/1000/100", 0.4),
]


def extent_of(name, lines):
    """How much waited, or was in the store: a short benchmark has less than the target says."""
    for prefix, field, text in (("T8", "waiting", "; {:,.0f} messages wait"),
                                ("T10", "data_mib", "; {:,.0f} MiB of data")):
        found = [line[field] for line in lines if field in line]
        if name.startswith(prefix) and found:
            return text.format(max(found))
    return ""


def number(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


class Judged:
    def __init__(self, target, lines):
        self.name, self.what = target.name, target.what + extent_of(target.name, lines)
        self.limit, self.at_most = target.limit, target.at_most
        self.value = target.value(lines)
        self.met = "unmeasured" if self.value is None else "yes" if self.holds(self.value) else "no"
        # Of the rounds, where there are several: their least and most, and whether all agree.
        values = target.values(lines) if hasattr(target, "values") else []
        self.spread = (min(values), max(values)) if len(values) > 1 else None
        self.is_settled = len({self.holds(value) for value in values}) < 2

    def holds(self, value):
        return value <= self.limit if self.at_most else value >= self.limit

    def shown(self):
        return "-" if self.value is None else number(self.value)

    def shown_spread(self):
        return " to ".join(number(value) for value in self.spread) if self.spread else "-"

    def line(self):
        kind = "value" if self.name in ("T7a", "T8c", "T10", "T11a", "T11b") else "ratio"
        direction = "at most" if self.at_most else "at least"
        spread = f"; rounds {self.shown_spread()}" if self.spread else ""
        return (f"{self.name} {kind}={self.shown()} target={self.limit} met={self.met} "
                f"({direction}; {self.what}{spread})")


def judge(lines):
    return [Judged(target, lines) for target in TARGETS]
