"""Tables as CSV (RFC 4180), for who asks for it by `Accept: text/csv`, or by the parameter `format` where only an address can say it.

A cell that a spreadsheet would take for a formula, and that a client may have written, gets an apostrophe before it (OWASP, "CSV
Injection").
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.web.preferences import read_weights

CSV_MEDIA: Final = "text/csv"
_JSON: Final = "application/json"
TABLE_FORMATS: Final = ("json", "csv")
"""What the parameter `format` may say, where a call has nothing else to choose by it: it goes before `Accept`."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def prefers_csv(request: HttpRequest) -> bool:
    """Return whether a request asks for CSV by `format`; where that does not say, by `Accept`.

    So it does where CSV is accepted by name, and JSON neither with more weight nor, with the same, by name and before it.
    """
    choice = next((value for name, value in request.query() if name == "format" and value.strip()), "")
    if choice in TABLE_FORMATS:
        return choice == TABLE_FORMATS[1]
    weights = read_weights(request.headers.get("accept", ""))
    own = weights.get(CSV_MEDIA, 0.0)
    other = next((weights[media] for media in (_JSON, "application/*", "*/*") if media in weights), 0.0)
    if own != other or _JSON not in weights:
        return own > 0 and own >= other
    order = list(weights)
    return own > 0 and order.index(CSV_MEDIA) < order.index(_JSON)


def next_link(request: HttpRequest, path: str, cursor: str | None) -> dict[str, str]:
    """Return where the next page of a table is, as a header field (RFC 8288): a table has no member that says it."""
    if cursor is None:
        return {}
    pairs = [*((name, value) for name, value in request.query() if name != "cursor"), ("cursor", cursor)]
    return {"Link": f'<{path}?{urlencode(pairs)}>; rel="next"'}


def csv_answer(lines: Iterable[Iterable[object]], headers: Mapping[str, str] | None = None) -> Answer:
    """Return a table as CSV, its heading first, UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in line] for line in lines)
    return Answer(200, {"Content-Type": f"{CSV_MEDIA}; charset=utf-8; header=present", **(headers or {})}, text.getvalue().encode())


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
