"""The reading side of every event API."""

from typing import Final

from causeline.query_api.dialects.apitraffic.read_api import APITRAFFIC_READS
from causeline.query_api.dialects.cto_ai.read_api import CTO_AI_READS
from causeline.query_api.dialects.desk.read_api import DESK_READS
from causeline.query_api.dialects.escapekit.read_api import ESCAPEKIT_READS
from causeline.query_api.dialects.native.read_api import NATIVE_READS
from causeline.query_api.dialects.read_api import ReadApi
from causeline.query_api.dialects.tracker.read_api import TRACKER_READS

READ_APIS: Final[tuple[ReadApi, ...]] = (TRACKER_READS, CTO_AI_READS, ESCAPEKIT_READS, APITRAFFIC_READS, DESK_READS, NATIVE_READS)
