"""Every event API. Their order is the one in which they are listed to clients."""

from typing import Final

from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.dialect import Dialects
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.tracker.dialect import TRACKER

DIALECTS: Final = Dialects((TRACKER, CTO_AI, ESCAPEKIT, APITRAFFIC, DESK, NATIVE))
