"""./dev bench: runs of ours, of the limit probe and of peers in turn, a line of JSON for each; then
medians, and with --check whether the targets are met."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

import activemq
import beanstalkd
import compare
import machine
import nats
import plan
import postgres
import rabbitmq
import redis
import report
import targets

PEERS = {peer.SYSTEM: peer for peer in (postgres, redis, rabbitmq, beanstalkd, activemq, nats)}
OWN = ("nemcon-bench", "nemcon-roofline", "nemcon-scale")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__,
        epilog="Exit: 0 done, 1 a run failed or a target is missed, 2 usage. All lines of JSON are "
               "kept in build/bench/results.jsonl. --check --peers, with all peers and three rounds and "
               "more, writes docs/benchmarks.md.")
    parser.add_argument("--peers", action="store_true",
                        help="install and run other systems as well: " + ", ".join(PEERS))
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="only these peers")
    parser.add_argument("--check", action="store_true",
                        help="run all that the targets need and judge them")
    parser.add_argument("--compare", metavar="REVISION",
                        help="interleave with another revision, built in build/compare")
    parser.add_argument("--report", metavar="FILE",
                        help="run nothing: judge the lines of a file, and write the document")
    parser.add_argument("--quick", action="store_true",
                        help="shorter runs; 1,000,000 messages wait instead of 10,000,000, and "
                             "256 MiB are in the store instead of 1 GiB")
    parser.add_argument("--only", metavar="TEXT", help="groups whose name contains this")
    parser.add_argument("--rounds", type=int, default=3, help="at least three, for a median")
    parser.add_argument("--seconds", type=float, help="length of a run; 2, with --quick 1")
    options = parser.parse_args(arguments)
    options.seconds = options.seconds or (1 if options.quick else 2)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


class Benchmark:
    def __init__(self, options):
        self.options = options
        self.lines = []
        self.failures = []
        directory = os.path.join(machine.ROOT, "build", "bench")
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "results.jsonl")
        self.kept = open(self.path, "w", encoding="utf-8")
        self.revision = machine.revision()

    def add(self, line, group, round_number):
        line |= {"group": group, "round": round_number, "revision": self.revision}
        self.lines.append(line)
        text = json.dumps(line)
        print(text, flush=True)
        self.kept.write(text + "\n")
        self.kept.flush()

    def run(self, groups):
        for group in groups:
            if self.options.only and self.options.only not in group.name:
                continue
            try:
                self.run_group(group)
            # IndexError: a server of which no version is installed.
            except (machine.Failure, OSError, subprocess.SubprocessError, IndexError) as failure:
                self.fail(group.name, failure)

    def run_group(self, group):
        machine.say(f"-- {group.name}: {group.rounds} rounds of {len(group.runs)} runs")
        peer = group.peer.Peer(self.options.place) if group.peer else None
        try:
            if peer:
                peer.start()
            for round_number in range(1, group.rounds + 1):
                # Who is first changes, so that neither always comes after a pause.
                for run in group.runs if round_number % 2 == 1 else reversed(group.runs):
                    self.run_one(group, round_number, run, peer)
        finally:
            if peer:
                peer.stop()

    def run_one(self, group, round_number, run, peer):
        try:
            for line in machine.lines_of(run.command(peer, self.options)):
                self.add(line | run.marks, group.name, round_number)
        except (machine.Failure, OSError, subprocess.SubprocessError) as failure:
            self.fail(f"{group.name}, round {round_number}", failure)

    def fail(self, where, failure):
        self.failures.append(where)
        machine.say(f"bench: {where}: {failure}")


def peers_of(options):
    wanted = options.peer or (sorted(PEERS) if options.peers else [])
    for name in wanted:
        if machine.program(f"nemcon-load-{name}") is None:
            machine.say(f"bench: no load for {name}: deploy/bench-dependencies.sh installs what it needs")
            sys.exit(1)
    return {name: PEERS[name] for name in wanted}


def on_signal(number, _frame):
    # As an exception it passes the places that end servers and take directories away.
    sys.exit(128 + number)


def judge(lines, failures, options, began):
    print(report.summary(lines))
    judged = targets.judge(lines)
    is_whole = options.check and options.peers and not (
        options.only or options.peer or options.quick or options.rounds < 3)
    if options.report or is_whole:
        report.write(lines, judged, failures, began, os.path.join(machine.ROOT, "docs"))
    missed = []
    if options.check or options.report:
        for one in judged:
            print(one.line())
        # Of a whole run also what could not be measured.
        missed = [one.name for one in judged
                  if one.met == "no" or (is_whole and one.met == "unmeasured")]
    if failures:
        machine.say("bench: without a figure: " + "; ".join(failures))
    return 1 if missed or failures else 0


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, on_signal)
    began = time.time()
    if options.report:
        with open(options.report, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.startswith("{")]
        return judge(lines, [], options, os.path.getmtime(options.report))
    with machine.Place() as place:
        options.place = place
        if options.compare:
            return compare.run(options)
        benchmark = Benchmark(options)
        groups = plan.make(peers_of(options), options.check, options.quick, options.rounds)
        benchmark.run(groups)
    return judge(benchmark.lines, benchmark.failures, options, began)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
