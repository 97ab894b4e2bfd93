"""What a client asks of ApiTraffic's list (ApiTraffic, "List Events", Query Parameters): query strings become questions, or are refused.

Beyond the document: a filter given twice means or, and `cursor` takes the `nextCursor` of the page before. Unknown parameters are
ignored, as unknown fields are in bodies. What must change together: the filters and the columns that
`causeline.schemas.dialects.apitraffic.mapping` fills.
"""

from typing import Any, Final, get_args

from causeline.query_api.questions.native import CursorPaging, Pairs, cursor_paging
from causeline.query_api.questions.parameters import Parameter, ParsedParameters, limit
from causeline.query_api.questions.query import EventFilter, RawTest
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.dialects.apitraffic.mapping import ALL, ENVIRONMENTS, EventType

_TEXT: Final[dict[str, Any]] = {"type": "string"}

MARKER_PARAMETERS: Final = (
    Parameter("type", "Event type; given twice means or", {**_TEXT, "enum": list(get_args(EventType))}, many=True),
    Parameter("startTime", "ISO 8601; events that started then or later", _TEXT),
    Parameter("endTime", "ISO 8601; events that started before", _TEXT),
    Parameter("bucketSid", "Events that apply to the bucket, or to all; given twice means or", _TEXT, many=True),
    Parameter("environmentSid", "Events that apply to the environment, or to all; given twice means or", _TEXT, many=True),
    limit(maximum=100, default=25),
    Parameter("cursor", "`nextCursor` of the page before, beside the same filters", _TEXT),
)
_KNOWN: Final = frozenset(parameter.name for parameter in MARKER_PARAMETERS)


def marker_question(pairs: Pairs, tenant: str, now: int) -> tuple[EventFilter, CursorPaging]:
    """Return the question of a list: newest `startedAt` first. Raises Invalid with every broken parameter."""
    arguments = ParsedParameters(MARKER_PARAMETERS, [(name, value) for name, value in pairs if name in _KNOWN], now)
    page = cursor_paging(arguments, APITRAFFIC.name)
    buckets, environments = arguments.texts("bucketSid"), arguments.texts("environmentSid")
    where = EventFilter(
        tenant=tenant,
        dialects=(APITRAFFIC.name,),
        from_ms=arguments.moment("startTime"),
        to_ms=arguments.moment("endTime"),
        kinds=arguments.texts("type"),
        entities=(*buckets, ALL) if buckets else (),
        raw=(RawTest(ENVIRONMENTS, "has_any", (*environments, ALL)),) if environments else (),
    )
    arguments.check()
    return where, page
