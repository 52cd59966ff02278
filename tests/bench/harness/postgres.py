"""PostgreSQL: two servers on local sockets, joined by two-phase commit."""

import glob
import os
import shutil
import signal
import subprocess

import machine
from peer import load

SYSTEM = "postgres"
SETTINGS = (
    "PostgreSQL, two servers, fsync and synchronous_commit on; PREPARE TRANSACTION and COMMIT "
    "PREPARED at both in parallel, the coordinator's decision flushed in between; local sockets"
)


class Peer:
    system = SYSTEM
    settings = SETTINGS

    def __init__(self, place):
        self.directory = place.new(SYSTEM)
        self.servers = []
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.directory, self.user, self.user)

    def start(self):
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        identity = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        for port in (1, 2):  # Of the names of the sockets only.
            data = os.path.join(self.directory, f"data-{port}")
            subprocess.run(
                [f"{binaries}/initdb", "-D", data, "-A", "trust", "-E", "UTF8", "-U", "postgres"],
                check=True, capture_output=True, cwd=self.directory, **identity,
            )
            options = {
                "listen_addresses": "", "unix_socket_directories": self.directory, "port": port,
                "max_prepared_transactions": 200, "max_connections": 150, "fsync": "on",
                "synchronous_commit": "on", "shared_buffers": "256MB", "max_wal_size": "4GB",
            }
            command = [f"{binaries}/postgres", "-D", data]
            for name, value in options.items():
                command += ["-c", f"{name}={value}"]
            output = os.path.join(self.directory, f"output-{port}")
            self.servers.append(machine.Server(command, output, user=self.user))
            machine.wait_until(lambda: self._sql(port, "SELECT 1"), "PostgreSQL")
            if not self._sql(port, "CREATE TABLE queue(id bigserial PRIMARY KEY, body bytea)"):
                raise machine.Failure("PostgreSQL made no table\n" + self.servers[-1].last_words())

    def _sql(self, port, text):
        command = ["psql", "-q", "-h", self.directory, "-p", str(port), "-U", "postgres", "-c", text]
        return subprocess.run(command, capture_output=True, cwd="/").returncode == 0

    def load(self, run, *more, **options):
        settings = SETTINGS if run == "commit" else (
            "PostgreSQL, one server, fsync on, a row a transaction, SKIP LOCKED")
        return load(SYSTEM, self.directory, settings, run, *more, **options)

    def processes(self):
        return [server.id for server in self.servers]

    def stop(self):
        for server in self.servers:
            # The postmaster ends its children itself.
            if server.is_running():
                os.kill(server.id, signal.SIGINT)
            server.stop(signal.SIGINT)
