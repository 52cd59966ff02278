"""RabbitMQ: one broker, quorum or classic queues, publisher confirms."""

import os
import time

import machine
from peer import load

SYSTEM = "rabbitmq"
SETTINGS = "RabbitMQ, one broker, {} queue, persistent messages, publisher confirms, manual acks"


class Peer:
    system = SYSTEM

    def __init__(self, place):
        self.directory = place.new(SYSTEM)
        self.port = machine.free_port()
        self.servers = []

    def start(self):
        names_port = machine.free_port()
        home = os.path.join(self.directory, "home")
        os.mkdir(home)
        config = os.path.join(self.directory, "rabbitmq.conf")
        plugins = os.path.join(self.directory, "plugins")
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
                "vm_memory_high_watermark.relative = 0.6\ndisk_free_limit.absolute = 1GB\n"
            )
        with open(plugins, "w", encoding="utf-8") as file:
            file.write("[].")
        environment = os.environ | {
            "HOME": home,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names_port),
            "RABBITMQ_NODENAME": "bench@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(machine.free_port()),
            "RABBITMQ_MNESIA_BASE": os.path.join(self.directory, "mnesia"),
            "RABBITMQ_LOG_BASE": os.path.join(self.directory, "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
            "RABBITMQ_CONFIG_FILE": config,
            "RABBITMQ_PID_FILE": os.path.join(self.directory, "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        output = os.path.join(self.directory, "output")
        # Started here, or it would outlive the broker.
        self.servers.append(machine.Server(
            ["epmd", "-address", "127.0.0.1", "-port", str(names_port)], output, environment))
        machine.wait_until(lambda: machine.answers(names_port), "epmd")
        self.servers.append(machine.Server(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server"], output, environment))
        try:
            machine.wait_until(lambda: machine.answers(self.port), "RabbitMQ", 180)
        except machine.Failure as failure:
            raise machine.Failure(f"{failure}\n{self.servers[-1].last_words()}") from failure
        time.sleep(2)  # It goes on with its own start for a while after it listens.

    def load(self, *run, queue_type="quorum", **more):
        settings = SETTINGS.format(queue_type)
        return load(SYSTEM, self.port, settings, *run, **more) + ["--queue-type", queue_type]

    def processes(self):
        return [server.id for server in self.servers]

    def stop(self):
        for server in reversed(self.servers):
            server.stop()
