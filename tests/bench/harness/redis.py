"""Redis streams, with a flush before each answer."""

import machine
from peer import OneServer

SYSTEM = "redis"
SETTINGS = "Redis streams, appendonly, appendfsync always: a flush before the answers of a turn"


class Peer(OneServer):
    system = SYSTEM
    settings = SETTINGS

    def start(self):
        command = [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.directory,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            "--auto-aof-rewrite-percentage", "0", "--daemonize", "no",
        ]
        self.server = machine.Server(command, f"{self.directory}/output")
        machine.wait_until(lambda: machine.answers(self.port), "Redis")
