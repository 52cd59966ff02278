"""The lines of a benchmark as tables and plots: on the terminal, and as docs/benchmarks.md."""

import json
import os
import statistics
import time

import activemq
import beanstalkd
import machine
import nats
import plot
import rabbitmq
import redis
import targets

PLOTS = "benchmarks"


def thousands(value):
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Table:
    def __init__(self, lines):
        self.lines = [line for line in lines if line["run"] != "scale"]
        self.fields = {}

    def median(self, key, field):
        if field not in self.fields:
            self.fields[field] = targets.medians(self.lines, field)
        return self.fields[field].get(key)

    def keys(self):
        return list(dict.fromkeys(targets.key_of(line) for line in self.lines))


def summary(lines):
    """Medians, one line for each thing that was measured."""
    table = Table(lines)
    text = [f"{'median of the rounds':44} {'per second':>11} {'p50 ms':>8} {'p99 ms':>8} "
            f"{'cpu us':>8} {'flush/op':>9} {'F ms':>6} {'others':>6}"]
    for key in table.keys():
        values = [table.median(key, field) for field in (
            "per_second", "p50_ms", "p99_ms", "cpu_us_per_operation", "flushes_per_operation",
            "probe_flush_ms", "foreign_cpu")]
        text.append("{:44} {:>11} {:>8} {:>8} {:>8} {:>9} {:>6} {:>6}".format(
            key, *[thousands(value) for value in values]))
    return "\n".join(text)


def noise(lines):
    measured = [line for line in lines if "foreign_cpu" in line]
    foreign = sorted(line["foreign_cpu"] for line in measured)
    probe = sorted(line["probe_flush_ms"] for line in measured)

    def spread(values):
        return f"{values[0]:.2f} to {values[-1]:.2f}, median {statistics.median(values):.2f}"

    warning = ""
    if statistics.median(foreign) > 0.25:
        warning = (
            "**This was no quiet machine, and these figures settle little.** Others held the cores "
            "most of the time, so what waits for a flush (the roofline, PostgreSQL, everything at 1 in "
            "flight) waited for the scheduler instead, and what is bound by the processor had a part "
            "of it only. Both shift ratios, in either direction: look at how far the rounds lie apart. "
            "To settle a target, run it again with nothing else running.\n\n")
    stolen = [line["stolen_cpu"] for line in measured if "stolen_cpu" in line]
    by_host = f", others on its host {max(stolen):.2f} at most" if stolen else ""
    return warning + (
        f"Other programs took {spread(foreign)} cores during the runs (`foreign_cpu`){by_host}. F, the "
        f"median 4 KiB fdatasync of a preallocated file, was {spread(probe)} ms: 4 ms would mean that "
        "others held the cores and each wake-up waited for the scheduler's tick.")


def target_table(judged):
    text = ["| target | what | measured | rounds | wanted | met |", "|---|---|---|---|---|---|"]
    for one in judged:
        bound = ("<= " if one.at_most else ">= ") + str(one.limit)
        met = one.met if one.is_settled else one.met + ", rounds differ"
        text.append(f"| {one.name} | {one.what} | {one.shown()} | {one.shown_spread()} | {bound} "
                    f"| {met} |")
    return text


SYSTEMS = {
    "nemcon": "Nemcon", "roofline": "journal roofline", "postgres": "PostgreSQL",
    "redis": "Redis, `always`", "rabbitmq": "RabbitMQ", "beanstalkd": "beanstalkd",
    "activemq": "ActiveMQ", "nats": "NATS JetStream, **no flush**",
}
# What was measured beside ours in queues: has a row also where no result is there.
QUEUE_PEERS = {
    "redis": redis.SETTINGS, "rabbitmq": rabbitmq.SETTINGS.format("quorum"),
    "beanstalkd": beanstalkd.SETTINGS, "activemq": activemq.SETTINGS, "nats": nats.SETTINGS,
}
# They acknowledge what no flush stands behind.
WITHOUT_FLUSH = ("nats",)


def name_of(line):
    text = SYSTEMS.get(line["system"], line["system"])
    if line["system"] == "rabbitmq":
        text += ", " + line.get("queue_type", "quorum")
    if line.get("links", "plain") != "plain":
        text += ", encrypted"
    if line.get("consumers", 1) > 1:
        text += f", {line['consumers']} consumers"
    return text


def measured_table(lines, run):
    table = Table([line for line in lines if line["run"] == run])
    text = ["| system | mode | in flight | bytes | per second | p50 ms | p99 ms | CPU us | load CPU us "
            "| flushes | MiB | F ms | others | busy |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for key in sorted(table.keys(), key=lambda key: sort_key(table, key)):
        line = next(one for one in table.lines if targets.key_of(one) == key)
        cells = [name_of(line), line["mode"]]
        cells += [str(line["in_flight"]), str(line["body_bytes"])]
        cells += [thousands(table.median(key, field)) for field in (
            "per_second", "p50_ms", "p99_ms", "cpu_us_per_operation", "load_cpu_us_per_operation",
            "flushes_per_operation", "resident_mib", "probe_flush_ms", "foreign_cpu", "busy_cpu")]
        text.append("| " + " | ".join(cells) + " |")
    # There is no commit of theirs.
    for system in unmeasured(table.lines) if run != "commit" else []:
        text.append(f"| {name_of({'system': system})} | - | not measured |" + " - |" * 11)
    return text


def unmeasured(lines):
    """Peers that have a queue and no line here."""
    found = {line["system"] for line in lines}
    return [system for system in QUEUE_PEERS if system not in found]


def sort_key(table, key):
    line = next(one for one in table.lines if targets.key_of(one) == key)
    return line["body_bytes"], line["in_flight"], list(SYSTEMS).index(line["system"]), line["mode"]


def situation_rows(lines):
    table = Table(lines)
    text = ["| situation | per second | p50 ms | CPU us | MiB less the map | other |",
            "|---|---|---|---|---|---|"]
    for key in table.keys():
        line = [one for one in table.lines if targets.key_of(one) == key][-1]
        if line["run"] not in ("enqueue-waiting", "consume-waiting", "commit-in-doubt", "restart",
                               "idle"):
            continue
        name = line["run"]
        if "waiting" in line:
            name += f", {line['waiting']:,.0f} messages wait"
        if line["run"] == "idle":
            name += f", mesh of {line.get('nodes', 3):g} nodes"
        if "in_doubt" in line:
            name += f", {line['in_doubt']:,.0f} in doubt"
        other = [f"{field.replace('_', ' ')} {table.median(key, field):.3g}" for field in (
            "ready_seconds", "serving_seconds", "data_mib", "idle_cpu_percent", "idle_resident_mib")
            if table.median(key, field) is not None]
        has_rate = line["run"] not in ("restart", "idle")
        cells = [thousands(table.median(key, field)) if has_rate else "-" for field in (
            "per_second", "p50_ms", "cpu_us_per_operation")]
        cells.append(thousands(table.median(key, "resident_less_map_mib")) if has_rate else "-")
        text.append(f"| {name} | " + " | ".join(cells) + f" | {', '.join(other)} |")
    return text


def proof_of_flush(lines):
    """At one in flight nothing can share a flush, so there must be one for each operation."""
    table = Table(lines)
    text = ["| system | settings | flushes an operation at 1 in flight | flushed before it is "
            "acknowledged |", "|---|---|---|---|"]
    for key in table.keys():
        line = next(one for one in table.lines if targets.key_of(one) == key)
        if line["in_flight"] == 1 and line["run"] in ("commit", "enqueue", "consume"):
            flushes = table.median(key, "flushes_per_operation")
            text.append(f"| {name_of(line)}, {line['run']}"
                        f"{' in mode ' + line['mode'] if line['mode'] != '-' else ''} | "
                        f"{line['settings']} | {flushes:.2f} | {promise_of(line['system'])} |")
    alone = [line for line in table.lines if line["in_flight"] == 1 and line["run"] == "enqueue"]
    for system in unmeasured(alone):
        text.append(f"| {name_of({'system': system})}, enqueue | {QUEUE_PEERS[system]} | not measured "
                    f"| {promise_of(system)} |")
    return text


def promise_of(system):
    return "**no**" if system in WITHOUT_FLUSH else "yes"


def scale_table(lines):
    text = ["| mode | participants | nodes | messages until decided | in all | CPU us, a few nodes "
            "work | CPU us, all work | forming: messages a node | forming: CPU us a node |",
            "|---|---|---|---|---|---|---|---|---|"]
    for line in scale_medians(lines):
        text.append("| {mode} | {participants} | {nodes} | {messages_until_decided:g} | "
                    "{messages:g} | {cpu_us_per_operation:.1f} | {cpu_us_per_operation_spread:.1f} "
                    "| {forming_messages_per_node:g} | {forming_cpu_us_per_node:.0f} |".format(**line))
    return text


def scale_medians(lines):
    """A line for each mesh, with the medians of its rounds."""
    found = [line for line in lines if line["run"] == "scale"]
    fields = ("cpu_us_per_operation", "cpu_us_per_operation_spread", "forming_cpu_us_per_node")
    medians = {field: targets.medians(found, field) for field in fields}
    first = {}
    for line in found:
        first.setdefault(targets.key_of(line), line)
    return [line | {field: medians[field][key] for field in fields} for key, line in first.items()]


def draw(lines, directory):
    os.makedirs(directory, exist_ok=True)
    rates = targets.medians([line for line in lines if line["run"] == "commit"
                             and line["body_bytes"] == 100], "per_second")
    curves = {}
    for key, value in rates.items():
        parts = key.split("/")
        name = SYSTEMS.get(parts[0], parts[0]) + (f", mode {parts[2]}" if len(parts) == 5 else "")
        if parts[0] == "roofline":
            name = SYSTEMS["roofline"]
        curves.setdefault(name, []).append((int(parts[-2]), value))
    plot.write(os.path.join(directory, "rate.svg"), "Transactions over two nodes, 100 B",
               "transactions in flight", "transactions per second", curves)
    costs = {}
    for line in scale_medians(lines):
        if line["participants"] == 2:
            for who, field in (("a few nodes work", "cpu_us_per_operation"),
                               ("all work", "cpu_us_per_operation_spread")):
                costs.setdefault(f"mode {line['mode']}, {who}", []).append(
                    (line["nodes"], line[field]))
    plot.write(os.path.join(directory, "scale.svg"),
               "CPU of all engines for a transaction of two nodes, as the mesh grows",
               "nodes of the mesh", "microseconds", costs)


def provenance(lines, failures):
    revisions = sorted({line.get("revision", "unknown") for line in lines})
    rounds = max(line.get("round", 1) for line in lines)
    text = f"Of {', '.join(revisions)}, {rounds} rounds."
    if failures:
        text += " **Without a figure: " + "; ".join(failures) + ".**"
    return text


def write(lines, judged, failures, began, docs):
    """docs/benchmarks.md, its plots and the lines that they are made of."""
    draw(lines, os.path.join(docs, PLOTS))
    met = [one.met for one in judged]
    text = [
        "# Benchmarks", "",
        "Written by `./dev bench --check --peers`; do not edit. How it measures: "
        "[tests/bench](../tests/bench/README.md).", "",
        f"Run on {time.strftime('%Y-%m-%d', time.gmtime(began))}: {machine.describe()}, everything on "
        "one machine over loopback, a flush before every acknowledgement everywhere but in NATS "
        "JetStream. Figures are "
        "medians of the rounds; runs that are compared were taken in turn, and a ratio is the median "
        f"of the ratios of the rounds. {provenance(lines, failures)} All lines: "
        f"[{PLOTS}/results.jsonl]({PLOTS}/results.jsonl).", "", noise(lines), "",
        "Absolute figures of a busy machine say little. Read the ratios, and beside them how busy it was.",
        "", "## Targets", "",
        f"{met.count('yes')} met, {met.count('no')} missed, {met.count('unmeasured')} not measured.", "",
        *target_table(judged), "",
        "*rounds differ*: some rounds are on either side of what is wanted, so this run does not settle "
        "it." if not all(one.is_settled for one in judged) else "", "",
        "## Transactions over two nodes", "",
        "One message to a queue of each of two nodes, atomically. Mode S: one witness; mode X: three, on "
        "a mesh of three nodes. CPU is that of the nodes, for one operation; the load is apart.", "",
        f"![rate over transactions in flight]({PLOTS}/rate.svg)", "",
        *measured_table(lines, "commit"), "",
        "## Queues", "",
        "NATS JetStream acknowledges without a flush, so its rows show what a weaker promise gains and are "
        "no comparison; no target uses them. All others flush first (see \"Who flushes\").", "",
        "Enqueue:", "", *measured_table(lines, "enqueue"), "",
        "Enqueue, deliver, acknowledge:", "", *measured_table(lines, "consume"), "",
        "## Situations", "", *situation_rows(lines), "",
        "## Who flushes", "",
        "Flushes of the disk (`/proc/diskstats`), those of other programs included. With one operation in "
        "flight nothing can share a flush.", "", *proof_of_flush(lines), "",
        "## Growth with the mesh", "",
        "Simulated: real engines, no sockets. What follows from it: [scale.md](scale.md).", "",
        f"![CPU over the size of the mesh]({PLOTS}/scale.svg)", "", *scale_table(lines), "",
    ]
    cleaned = []
    for line in text:
        if line == "" and cleaned and cleaned[-1] == "":
            continue
        cleaned.append(line)
    with open(os.path.join(docs, PLOTS, "results.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    with open(os.path.join(docs, "benchmarks.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(cleaned).rstrip() + "\n")
