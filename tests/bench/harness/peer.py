"""What peers have in common: the command line of their load; and all but the start, with one server."""

import machine


def load(system, address, settings, run, connections, in_flight, body_bytes=100, consumers=1):
    return [
        machine.program(f"nemcon-load-{system}"), run, "--address", str(address),
        "--connections", str(connections), "--in-flight", str(in_flight),
        "--consumers", str(consumers), "--body-bytes", str(body_bytes),
        "--settings", settings,
    ]


class OneServer:
    """A peer that is one process behind one port; start() makes `server`."""

    system = settings = None

    def __init__(self, place):
        self.place = place
        self.directory = place.new(self.system)
        self.port = machine.free_port()
        self.server = None

    def load(self, *run, **more):
        return load(self.system, self.port, self.settings, *run, **more)

    def processes(self):
        return [self.server.id]

    def stop(self):
        if self.server:
            self.server.stop()
