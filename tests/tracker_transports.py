"""Tracker's calls over REST (profile `released`) and over gRPC, JSON in and out: what the tests that run over both are made of."""

from typing import Any, Protocol

import grpc

from tests.tracker_server import EVENT, EVENTS, Json, MemoryTracker, Rpc, without_defaults

NOT_FOUND, INVALID, UNAVAILABLE = 5, 3, 14


class Refused(Exception):
    """A call that was refused, with its gRPC code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Transport(Protocol):
    """Tracker's calls, JSON in and out, defaults left out."""

    tracker: MemoryTracker

    async def create(self, body: Json, **metadata: str) -> Json: ...
    async def update(self, body: Json, **metadata: str) -> Json: ...
    async def delete(self, reference: str, **metadata: str) -> Json: ...
    async def get(self, reference: str, **metadata: str) -> Json: ...
    async def many(self, name: str, parameters: Json, **metadata: str) -> Json: ...
    async def name_slack(self, reference: str, slack_id: str) -> Json: ...
    async def add_entry(self, reference: str, entry: Json | None) -> Json: ...
    async def changelog(self, reference: str, parameters: Json) -> Json: ...
    async def stats(self, parameters: Json) -> Json: ...
    async def monthly(self, parameters: Json) -> Json: ...


class Rest:
    """Over REST."""

    def __init__(self) -> None:
        self.tracker = MemoryTracker("released")

    async def _call(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Json:
        reply = await self.tracker.rest(method, path, body, query, **headers)
        if reply.status != 200:
            raise Refused(reply.body["code"], reply.body["message"])
        answer: Json = without_defaults(reply.body)
        return answer

    async def create(self, body: Json, **metadata: str) -> Json:
        return await self._call("POST", EVENT, body, **metadata)

    async def update(self, body: Json, **metadata: str) -> Json:
        return await self._call("PUT", EVENT, body, **metadata)

    async def delete(self, reference: str, **metadata: str) -> Json:
        return await self._call("DELETE", f"{EVENT}/{reference}", **metadata)

    async def get(self, reference: str, **metadata: str) -> Json:
        return await self._call("GET", f"{EVENT}/{reference}", **metadata)

    async def many(self, name: str, parameters: Json, **metadata: str) -> Json:
        return await self._call("GET", f"{EVENTS}/{name.lower()}", query=_query(parameters), **metadata)

    async def name_slack(self, reference: str, slack_id: str) -> Json:
        return await self._call("POST", f"{EVENT}/{reference}/slack", {"slackId": slack_id})

    async def add_entry(self, reference: str, entry: Json | None) -> Json:
        return await self._call("POST", f"{EVENT}/{reference}/changelog", {} if entry is None else {"entry": entry})

    async def changelog(self, reference: str, parameters: Json) -> Json:
        return await self._call("GET", f"{EVENT}/{reference}/changelog", query=_query(parameters))

    async def stats(self, parameters: Json) -> Json:
        return await self._call("GET", f"{EVENTS}/stats", query=_query(parameters))

    async def monthly(self, parameters: Json) -> Json:
        return await self._call("GET", f"{EVENTS}/stats/monthly", query=_query(parameters))


def _query(parameters: Json) -> str:
    pairs = [(key, one) for key, value in parameters.items() for one in (value if isinstance(value, list) else [value])]
    return "&".join(f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in pairs)


def _numbers(answer: Any) -> Any:
    """Return the JSON of a message with its 64-bit counts as numbers, which protobuf writes as text."""
    if isinstance(answer, dict):
        return {key: int(value) if isinstance(value, str) and value.isdigit() else _numbers(value) for key, value in answer.items()}
    return [_numbers(one) for one in answer] if isinstance(answer, list) else answer


class OverGrpc:
    """Over gRPC."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self.tracker = rpc.tracker

    async def _call(self, method: str, body: Json, **metadata: str) -> Json:
        try:
            return without_defaults(await self._rpc.call(method, body, **metadata))  # type: ignore[no-any-return]
        except grpc.RpcError as error:
            raise Refused(error.code().value[0], error.details()) from error

    async def create(self, body: Json, **metadata: str) -> Json:
        return await self._call("CreateEvent", body, **metadata)

    async def update(self, body: Json, **metadata: str) -> Json:
        return await self._call("UpdateEvent", body, **metadata)

    async def delete(self, reference: str, **metadata: str) -> Json:
        key = "id" if len(reference) == 36 else "slack_id"
        return await self._call("DeleteEvents", {key: reference}, **metadata)

    async def get(self, reference: str, **metadata: str) -> Json:
        return await self._call("GetEvent", {"id": reference}, **metadata)

    async def many(self, name: str, parameters: Json, **metadata: str) -> Json:
        return await self._call(f"{name}Events", parameters, **metadata)

    async def name_slack(self, reference: str, slack_id: str) -> Json:
        return await self._call("AddSlackId", {"id": reference, "slack_id": slack_id})

    async def add_entry(self, reference: str, entry: Json | None) -> Json:
        return await self._call("AddChangelogEntry", {"id": reference} | ({} if entry is None else {"entry": entry}))

    async def changelog(self, reference: str, parameters: Json) -> Json:
        return await self._call("GetEventChangelog", {"id": reference, **parameters})

    async def stats(self, parameters: Json) -> Json:
        return _numbers(await self._call("GetEventStats", parameters))  # type: ignore[no-any-return]

    async def monthly(self, parameters: Json) -> Json:
        return _numbers(await self._call("GetEventStatsByMonth", parameters))  # type: ignore[no-any-return]


def event_of(answer: Json) -> Json:
    event: Json = answer["event"]
    return event
