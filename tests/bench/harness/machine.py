"""What the benchmark does with this machine: programs that it runs, servers that it starts and ends.

Nothing here outlives the benchmark: a server is ended by its process id, with what it has started,
and everything is written below one temporary directory.
"""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
RUN_SECONDS_MAX = 1200


class Failure(Exception):
    """A run that gave no figure; the text says why."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def program(name, build="release"):
    """The path of a program that was built, or None."""
    base = build if os.path.isabs(build) else os.path.join(ROOT, "build", build)
    for path in glob.glob(os.path.join(base, "tests", "bench", name)):
        if os.access(path, os.X_OK):
            return path
    return None


def lines_of(command, environment=None):
    """Runs a program and gives its lines of JSON."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, env=environment
    )
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what} did not come within {seconds} s")
        time.sleep(0.1)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def descendants(root):
    """The process and all below it, children first."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        process = int(path.split("/")[2])
        parents[process] = int(text[text.rindex(")") + 2 :].split()[1])
    found = [root]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return list(reversed(found))


class Server:
    """A process that was started here."""

    def __init__(self, command, output, environment=None, user=None):
        with open(output, "ab") as file:
            identity = {"user": user, "group": user, "extra_groups": []} if user else {}
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, **identity
            )
        self.output = output

    @property
    def id(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM, seconds=20):
        if self.is_running():
            for process in descendants(self.id):
                self._signal(process, how)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for process in descendants(self.id):
                self._signal(process, signal.SIGKILL)
            self.process.wait()

    @staticmethod
    def _signal(process, how):
        try:
            os.kill(process, how)
        except ProcessLookupError:
            pass

    def last_words(self):
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]


class Place:
    """A new directory for all that a benchmark writes; gone with it. Others may look into it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="nemcon-bench-")
        os.chmod(self.path, 0o755)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def new(self, name):
        path = os.path.join(self.path, name)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        return path


def revision():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=7"],
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def describe():
    """One line on the machine, for the document."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(models)} x {models[0]}, {memory:.0f} GiB, Linux {os.uname().release.split('-')[0]}"
