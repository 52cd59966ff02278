"""NATS JetStream, in files. It does not flush before it acknowledges, and no setting makes it: what it
is measured for is how much a promise without a flush is worth, not who is faster."""

import os

import machine
from peer import OneServer

SYSTEM = "nats"
SETTINGS = (
    "NATS JetStream 2.9, file store, work queue, explicit acks; NO flush before an acknowledgement, and "
    "no setting for one: what it has acknowledged may be gone after a power cut"
)


class Peer(OneServer):
    system = SYSTEM
    settings = SETTINGS

    def start(self):
        config = os.path.join(self.directory, "nats.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                f'listen: "127.0.0.1:{self.port}"\n'
                f'jetstream {{ store_dir: "{self.directory}/store", max_file_store: 8G }}\n'
            )
        self.server = machine.Server(["nats-server", "-c", config], f"{self.directory}/output")
        machine.wait_until(lambda: machine.answers(self.port), "NATS")
