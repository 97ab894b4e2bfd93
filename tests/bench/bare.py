"""The ceiling of ingest: a bare ASGI application on the same server, the same broker and the same durability, and nothing else.

    python -m tests.bench.bare BOOTSTRAP PORT

It decodes the JSON with msgspec into a ten-field struct, encodes it again as the record, and answers once the broker acknowledged. No
dialect, no ids, no envelope, no Avro: what Causeline adds is measured against this.
"""

import asyncio
import signal
import sys
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaProducer
from granian.constants import Interfaces
from granian.server.embed import Server

from causeline.schemas.kafka_address import client_options


class Body(msgspec.Struct):
    kind: str
    title: str
    status: str = ""
    service: str = ""
    environment: str = ""
    source: str = ""
    owner: str = ""
    commit: str = ""
    tags: dict[str, str] = {}


_ONE = msgspec.json.Decoder(Body)
_ENCODE = msgspec.json.Encoder().encode


async def serve(bootstrap: str, port: int) -> None:
    producer = AIOKafkaProducer(
        **client_options(bootstrap),
        acks="all",
        enable_idempotence=True,
        max_batch_size=256 << 10,
        max_request_size=8 << 20,
    )
    await producer.start()

    async def app(_scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        lines = body.split(b"\n")
        futures = [await producer.send("bare", _ENCODE(_ONE.decode(line)), key=line[:16]) for line in lines]
        for future in futures:
            await future
        answer = b'{"accepted":%d}' % len(lines)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, backlog=1024, websockets=False, log_enabled=False)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    serving = asyncio.create_task(server.serve())
    await stop.wait()
    server.stop()
    await asyncio.wait({serving}, timeout=3)
    await producer.stop()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
