"""Ingest without anything behind it: the shell, the routes and the Kafka log of the real server.

python -m tests.bench.ingest_alone BOOTSTRAP PORT PARTITIONS
"""

import asyncio
import signal
import sys

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from causeline.deploy import logs
from causeline.deploy.access.access import Gate
from causeline.deploy.clocks import now_ms
from causeline.deploy.lifetime import spare_the_collector
from causeline.deploy.server.door import Door
from causeline.deploy.server.http.bodies import Bodies
from causeline.deploy.server.http.shell import Shell
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.routing import RouteTable
from causeline.deploy.server.workload import Workload
from causeline.ingest.adapters.kafka.log import KafkaEventLog
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryOpenProblems
from causeline.ingest.adapters.random import RandomBlocks
from causeline.ingest.app import IngestService
from causeline.ingest.routes import routes
from tests.definitions_memory import defining
from tests.feedback_memory import feedback_parts
from tests.services_memory import registering
from tests.subscribing import subscribing


async def serve(bootstrap: str, port: int, partitions: int) -> None:
    logs.configure_logging("warning", "console", "ingest alone")
    log = KafkaEventLog(bootstrap, partitions)
    await log.start()
    service = IngestService(log, MemoryCurrentEvents(), MemoryOpenProblems(), RandomBlocks())
    shell = Shell(
        RouteTable(routes(service, subscribing(service), registering(), feedback_parts(), defining(), RandomBlocks())),
        now_ms,
        Gate(None),
        Door(Workload(5.0), Quotas(0, {})),
        Bodies(30.0),
    )
    server = Server(
        shell,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        backlog=2_048,
        websockets=False,
        log_enabled=False,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    serving = asyncio.create_task(server.serve())
    await stop.wait()
    server.stop()
    await asyncio.wait({serving}, timeout=3)
    await log.stop()


if __name__ == "__main__":
    spare_the_collector()
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
