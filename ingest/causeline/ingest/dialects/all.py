"""The writing side of every event API."""

from typing import Final

from causeline.ingest.dialects.apitraffic.write_api import APITRAFFIC_WRITES
from causeline.ingest.dialects.cto_ai.write_api import CTO_AI_WRITES
from causeline.ingest.dialects.desk.write_api import DESK_WRITES
from causeline.ingest.dialects.escapekit.write_api import ESCAPEKIT_WRITES
from causeline.ingest.dialects.native.write_api import NATIVE_WRITES
from causeline.ingest.dialects.tracker.write_api import TRACKER_WRITES
from causeline.ingest.dialects.write_api import WriteApi

WRITE_APIS: Final[tuple[WriteApi, ...]] = (TRACKER_WRITES, CTO_AI_WRITES, ESCAPEKIT_WRITES, APITRAFFIC_WRITES, DESK_WRITES, NATIVE_WRITES)
