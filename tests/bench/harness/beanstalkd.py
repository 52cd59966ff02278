"""beanstalkd, with a flush of its binlog for each record."""

import machine
from peer import OneServer

SYSTEM = "beanstalkd"
SETTINGS = "beanstalkd, binlog, -f 0: a flush of its own for every put and every delete, before the answer"


class Peer(OneServer):
    system = SYSTEM
    settings = SETTINGS

    def start(self):
        command = ["beanstalkd", "-l", "127.0.0.1", "-p", str(self.port), "-b", self.directory,
                   "-f", "0"]
        self.server = machine.Server(command, f"{self.directory}.output")
        machine.wait_until(lambda: machine.answers(self.port), "beanstalkd")
