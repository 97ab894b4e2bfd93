"""How deliveries are shown: a row each in a list, and one with all its attempts. Pure.

`detail` holds what an endpoint answered: nothing that steers a terminal is printed (`visible`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from causeline.deploy.terminal import visible

_DETAIL: Final = 60
_ID: Final = 48
_NAME: Final = 14
_STYLES: Final[Mapping[str, str]] = {"delivered": "green", "retried": "yellow", "dead": "red", "cancelled": "dim"}
_ABOUT: Final = ("id", "subscription_id", "what", "entity", "version", "received", "outcome", "next_attempt")

DeliveryView = Mapping[str, Any]


def delivery_table(deliveries: Iterable[DeliveryView]) -> Table:
    """Return the list, one row a delivery."""
    table = Table(box=None, pad_edge=False)
    for heading in ("received", "id", "subscription", "what", "outcome", "attempt", "status", "last attempt", "next attempt", "detail"):
        table.add_column(heading, no_wrap=True)
    for each in deliveries:
        table.add_row(
            _moment(each["received"]),
            visible(str(each["id"]), _ID),
            visible(str(each["subscription_id"]), _ID),
            visible(f"{each['what']} v{each['version']}", _ID),
            outcome(each),
            str(each["attempt"]),
            _status(each),
            _moment(each["at"]),
            _moment(each["next_attempt"]),
            Text(visible(str(each["detail"]), _DETAIL)),
        )
    return table


def delivery_lines(delivery: DeliveryView) -> Iterator[str]:
    """Yield the lines about one delivery; its attempts follow as `attempt_table`."""
    for name in _ABOUT:
        value = delivery[name]
        yield f"{name:<{_NAME}}  {'-' if value in (None, '') else visible(str(value))}"
    if delivery["outcome"] == "dead":
        yield f"{'retry':<{_NAME}}  causeline deliveries retry {visible(str(delivery['id']))}"


def attempt_table(delivery: DeliveryView) -> Table:
    """Return the attempts of a delivery, oldest first."""
    table = Table(box=None, pad_edge=False)
    for heading in ("attempt", "at", "outcome", "status", "took", "detail"):
        table.add_column(heading, no_wrap=heading != "detail")
    for each in delivery["attempts"]:
        table.add_row(
            str(each["attempt"]), _moment(each["at"]), outcome(each), _status(each), f"{each['took_ms']} ms", Text(visible(each["detail"]))
        )
    return table


def outcome(attempt: DeliveryView) -> Text:
    """Return an outcome in its colour."""
    name = visible(str(attempt["outcome"]), _ID)
    return Text(name, _STYLES.get(name, ""))


def _status(attempt: DeliveryView) -> str:
    return str(attempt["status_code"] or "-")


def _moment(text: str | None) -> str:
    return "-" if text is None else visible(text[:19].replace("T", " "))
