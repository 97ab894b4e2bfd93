"""Tracker in memory, over REST in both profiles and over a real gRPC server on a free port of loopback."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

from causeline.deploy.access.access import Gate
from causeline.deploy.server.door import Door
from causeline.deploy.server.grpc.places import Places
from causeline.deploy.server.grpc.server import RpcServer
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.workload import Workload
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.tracker import grpc as rpc_writes
from causeline.ingest.dialects.tracker import http as writes
from causeline.query_api.dialects.tracker import grpc as rpc_reads
from causeline.query_api.dialects.tracker import http as reads
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.dialects.tracker.messages import SERVICE
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.web.http import HttpRoute
from tests.memory_server import MemoryServer, Reply

NOW = 1_705_320_000_000  # 2024-01-15T12:00:00Z
EVENT = "/api/v1alpha1/event"
EVENTS = "/api/v1alpha1/events"
METHODS = {method.name: method for method in pb.DESCRIPTOR.services_by_name["EventService"].methods}

Json = dict[str, Any]


class MemoryTracker(MemoryServer):
    """REST of one profile; `rpc` are the routes of the gRPC server over the same log and rows."""

    def __init__(self, profile: Profile = "document") -> None:
        self.rpc: list[HttpRoute] = []
        self._profile = profile
        super().__init__(self._routes, NOW)

    def _routes(self, service: IngestService, reader: Reader) -> list[HttpRoute]:
        self.rpc = [*rpc_writes.routes(service), *rpc_reads.routes(reader)]
        return [*writes.routes(service, self._profile), *reads.routes(reader, self._profile)]

    async def rest(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Reply:
        """Call over REST; a second passes before, and what is on the log is applied after."""
        self.now += 1_000
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = await self.request(method, path, content, query, headers)
        await self.reach()
        return reply


class Rpc:
    """A client of the gRPC server that speaks JSON, as grpcurl does."""

    def __init__(self, target: str, channel: grpc.aio.Channel, tracker: MemoryTracker) -> None:
        self.target = target
        self.channel = channel
        self.tracker = tracker

    async def call(self, method: str, body: Json | Message | None = None, **metadata: str) -> Json:
        """Call a method with JSON or a message; a second passes before, and what is on the log is applied after."""
        self.tracker.now += 1_000
        invoke = self.channel.unary_unary(f"/{SERVICE}/{method}")
        headers = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
        answer = await invoke(_sent(method, body), metadata=headers, timeout=20)
        await self.tracker.reach()
        document: Json = json_format.MessageToDict(getattr(pb, METHODS[method].output_type.name).FromString(answer))
        return document


def _sent(method: str, body: Json | Message | None) -> bytes:
    message = body if isinstance(body, Message) else json_format.ParseDict(body or {}, getattr(pb, METHODS[method].input_type.name)())
    body_bytes: bytes = message.SerializeToString()
    return body_bytes


@asynccontextmanager
async def serving(tracker: MemoryTracker, gate: Gate | None = None, places: Places | None = None) -> AsyncIterator[Rpc]:
    """Serve Tracker over gRPC for the length of a with block."""
    server = RpcServer(tracker.rpc, lambda: tracker.now, gate or Gate(None), Door(Workload(5.0), Quotas(0, {})), places)
    await server.start("127.0.0.1", 0)
    try:
        target = f"127.0.0.1:{server.port}"
        async with grpc.aio.insecure_channel(target) as channel:
            yield Rpc(target, channel, tracker)
    finally:
        await server.stop(1.0)


def without_defaults(node: Any) -> Any:
    """Return JSON without members that say nothing, since proto3 does not print them."""
    if isinstance(node, Mapping):
        members = {key: without_defaults(value) for key, value in node.items()}
        return {key: value for key, value in members.items() if value not in (None, "", False, 0, [], {})}
    return [without_defaults(value) for value in node] if isinstance(node, list) else node
