"""beanstalkd, with a flush of its binlog for each record."""

import machine

SYSTEM = "beanstalkd"
SETTINGS = "beanstalkd, binlog, -f 0: a flush of its own for every put and every delete, before the answer"


class Peer:
    system = SYSTEM
    settings = SETTINGS

    def __init__(self, place):
        self.directory = place.new(SYSTEM)
        self.port = machine.free_port()
        self.server = None

    def start(self):
        command = ["beanstalkd", "-l", "127.0.0.1", "-p", str(self.port), "-b", self.directory,
                   "-f", "0"]
        self.server = machine.Server(command, f"{self.directory}.output")
        machine.wait_until(lambda: machine.answers(self.port), "beanstalkd")

    def load(self, run, connections, in_flight, body_bytes=100, consumers=1):
        return [
            machine.program("nemcon-load-beanstalkd"), run, "--address", str(self.port),
            "--connections", str(connections), "--in-flight", str(in_flight),
            "--consumers", str(consumers), "--body-bytes", str(body_bytes),
            "--settings", SETTINGS,
        ]

    def processes(self):
        return [self.server.id]

    def stop(self):
        if self.server:
            self.server.stop()
