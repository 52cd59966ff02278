"""Redis streams, with a flush before each answer."""

import machine

SYSTEM = "redis"
SETTINGS = "Redis streams, appendonly, appendfsync always: a flush before the answers of a turn"


class Peer:
    system = SYSTEM
    settings = SETTINGS

    def __init__(self, place):
        self.directory = place.new(SYSTEM)
        self.port = machine.free_port()
        self.server = None

    def start(self):
        command = [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.directory,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            "--auto-aof-rewrite-percentage", "0", "--daemonize", "no",
        ]
        self.server = machine.Server(command, f"{self.directory}/output")
        machine.wait_until(lambda: machine.answers(self.port), "Redis")

    def load(self, run, connections, in_flight, body_bytes=100, consumers=1):
        return [
            machine.program("nemcon-load-redis"), run, "--address", str(self.port),
            "--connections", str(connections), "--in-flight", str(in_flight),
            "--consumers", str(consumers), "--body-bytes", str(body_bytes),
            "--settings", SETTINGS,
        ]

    def processes(self):
        return [self.server.id]

    def stop(self):
        if self.server:
            self.server.stop()
