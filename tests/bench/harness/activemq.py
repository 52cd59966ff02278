"""ActiveMQ: one broker, its journal flushed before each receipt, spoken to over STOMP."""

import os

import machine
from peer import OneServer

SYSTEM = "activemq"
SETTINGS = (
    "ActiveMQ, one broker, KahaDB, enableJournalDiskSyncs, persistent messages over STOMP with receipts; "
    "acknowledgements of a batch in one transaction with a receipt"
)
HOME = "/usr/share/activemq"
CONFIG = """\
<beans xmlns="http://www.springframework.org/schema/beans"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.springframework.org/schema/beans
         http://www.springframework.org/schema/beans/spring-beans.xsd
         http://activemq.apache.org/schema/core
         http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="bench" useJmx="false"
          dataDirectory="{directory}/data">
    <persistenceAdapter>
      <kahaDB directory="{directory}/data/kahadb" enableJournalDiskSyncs="true"/>
    </persistenceAdapter>
    <systemUsage><systemUsage>
      <memoryUsage><memoryUsage limit="512 mb"/></memoryUsage>
      <storeUsage><storeUsage limit="8 gb"/></storeUsage>
      <tempUsage><tempUsage limit="1 gb"/></tempUsage>
    </systemUsage></systemUsage>
    <transportConnectors>
      <transportConnector name="stomp"
                          uri="stomp://127.0.0.1:{port}?transport.tcpNoDelay=true"/>
    </transportConnectors>
  </broker>
</beans>
"""


class Peer(OneServer):
    system = SYSTEM
    settings = SETTINGS

    def start(self):
        config = os.path.join(self.directory, "activemq.xml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(directory=self.directory, port=self.port))
        command = [
            "java", "-Xms1g", "-Xmx1g", f"-Dactivemq.home={HOME}",
            f"-Dactivemq.base={self.directory}", f"-Dactivemq.conf={self.directory}",
            f"-Dactivemq.data={self.directory}/data", "-jar", f"{HOME}/bin/activemq.jar",
            "start", f"xbean:file:{config}",
        ]
        self.server = machine.Server(command, f"{self.directory}/output")
        try:
            machine.wait_until(lambda: machine.answers(self.port), "ActiveMQ", 180)
        except machine.Failure as failure:
            raise machine.Failure(f"{failure}\n{self.server.last_words()}") from failure
        # Its first seconds are spent on compiling itself.
        machine.lines_of(self.load("consume", 64, 16) + [
            "--seconds", "5", "--directory", self.place.path])
