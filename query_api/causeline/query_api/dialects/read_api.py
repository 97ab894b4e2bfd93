"""What an API brings to the reading side: one record in each API's folder, and a list of them (`all.py`)."""

from collections.abc import Callable
from typing import NamedTuple

from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.dora_parts import DoraParts
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.web.http import HttpRoute
from causeline.schemas.web.openapi import OpenApiPart


class ReadParts(NamedTuple):
    """What handlers are made of. `tracker` is the profile that Tracker's REST API speaks; `causes` ranks, `dora` counts, for all."""

    reader: Reader
    tracker: Profile
    causes: CauseReader
    dora: DoraParts


def _none(_: Reader) -> list[HttpRoute]:
    return []


class ReadApi(NamedTuple):
    """The reading side of an API: its routes over HTTP, what the OpenAPI document says of them, and its methods over gRPC."""

    dialect: Dialect
    routes: Callable[[ReadParts], list[HttpRoute]]
    openapi: OpenApiPart
    rpcs: Callable[[Reader], list[HttpRoute]] = _none
