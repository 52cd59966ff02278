"""Another revision and this one, run by run in turn, on the same machine at the same time.

The other product is built in build/compare, with the load programs of this revision, so that both
do the same work.
"""

import json
import os
import shutil
import statistics
import subprocess

import machine
import plan
import targets

BUILT = ["nemcond", "nemcon-bench", "nemcon-micro"]
# What measures, and what starts daemons for it.
LOADS = ["tests/bench", "tests/system"]
MICRO = "engine|messages|submissions|memory"


def git(*arguments):
    done = subprocess.run(["git", "-C", machine.ROOT, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise machine.Failure(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def build(revision):
    """Gives the build directory of the other revision."""
    commit = git("rev-parse", "--verify", revision + "^{commit}")
    tree = os.path.join(machine.ROOT, "build", "compare", commit[:12])
    git("worktree", "prune")
    if not os.path.exists(tree):
        git("worktree", "add", "--detach", "--force", tree, commit)
    for folder in LOADS:
        shutil.rmtree(os.path.join(tree, folder), ignore_errors=True)
        shutil.copytree(os.path.join(machine.ROOT, folder), os.path.join(tree, folder))
    machine.say(f"-- building {revision} in {tree}")
    environment = os.environ | {"CCACHE_BASEDIR": tree}
    binary = os.path.join(tree, "build", "release")
    for command in (["cmake", "--preset", "release", "-Wno-dev"],
                    ["cmake", "--build", binary, "--target", *BUILT]):
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise machine.Failure(
                f"{revision} does not build with this revision's load programs:\n"
                + (done.stdout + done.stderr)[-2000:])
    return binary


def micro(binary):
    """Processor nanoseconds by benchmark."""
    program = machine.program("nemcon-micro", binary)
    done = subprocess.run(
        [program, f"--benchmark_filter={MICRO}", "--benchmark_min_time=0.1",
         "--benchmark_format=json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise machine.Failure(f"{program}: exit {done.returncode}\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout)["benchmarks"]
    # Those with a time of their own measure it in processor time, too.
    return {one["name"]: one["real_time" if "manual" in one["name"] else "cpu_time"]
            for one in found}


def ratios_of(pairs):
    """Median, least and most of new / old."""
    ratios = sorted(new / old for old, new in pairs if old > 0)
    return (statistics.median(ratios), ratios[0], ratios[-1]) if ratios else (0, 0, 0)


def run(options):
    binaries = {"old": build(options.compare), "new": os.path.join(machine.ROOT, "build", "release")}
    runs = [plan.commit(1), plan.commit(64), plan.commit(1000), plan.commit(64, witnesses=3),
            plan.enqueue(1000), plan.consume(1000)]
    rates, costs, micros = {}, {}, {}
    for round_number in range(options.rounds):
        # Who is first changes, so that neither always comes after a pause.
        order = ["old", "new"] if round_number % 2 == 0 else ["new", "old"]
        for one in runs:
            found = {}
            for side in order:
                command = one.command(None, options)
                command[0] = machine.program(one.binary, binaries[side])
                found[side] = machine.lines_of(command)[0]
            key = targets.key_of(found["new"])
            pair = [found[side] for side in ("old", "new")]
            rates.setdefault(key, []).append([line["per_second"] for line in pair])
            costs.setdefault(key, []).append([line["cpu_us_per_operation"] for line in pair])
            print(json.dumps({"key": key, "round": round_number + 1,
                              "old_per_second": pair[0]["per_second"],
                              "new_per_second": pair[1]["per_second"]}), flush=True)
        found = {side: micro(binaries[side]) for side in order}
        for name in found["old"].keys() & found["new"].keys():
            micros.setdefault(name, []).append([found["old"][name], found["new"][name]])
    show("rate, new / old (above 1 is better)", rates)
    show("CPU of the nodes for an operation, new / old (below 1 is better)", costs)
    show("micro-benchmarks, processor time, new / old (below 1 is better)", micros)
    return 0


def show(title, values):
    print(f"\n{title}: median (least to most of {max(len(v) for v in values.values())} pairs)")
    for key in sorted(values):
        middle, least, most = ratios_of(values[key])
        print(f"  {key:44} {middle:6.3f}  ({least:.3f} to {most:.3f})")
