"""`doctor`: is everything there that an event needs? Each line is one thing, with what is wrong and where to mend it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from .attempts import ATTEMPT_S, CONNECT_S, WireAnswer, post_json
from .spool import Spool, SpoolUnusable

if TYPE_CHECKING:
    from .settings import ClientSettings

_MOST_SKEW_S = 60.0
_CREDENTIALS = (401, 403)
_OVERLOADED = (429, 503)


class Finding(NamedTuple):
    """One thing that was looked at: its name, whether it does, and what was seen."""

    name: str
    is_good: bool
    text: str


def examine_all(settings: ClientSettings, folder: str) -> list[Finding]:
    """Look at the spool, the address, the name, the connection with TLS, the token and the clock. Sends nothing that is stored."""
    findings = [_examine_spool(folder)]
    if not settings.url:
        return [*findings, Finding("address", is_good=False, text="CAUSELINE_URL is not set")]
    name = _examine_name(settings.url)
    if not name.is_good:
        return [*findings, name]
    answer = post_json(settings, {}, {}, ATTEMPT_S)  # an event without a kind: refused, but only by who takes the token
    return [*findings, name, *_examine_answer(answer)]


def _examine_spool(folder: str) -> Finding:
    spool = Spool(folder)
    try:
        spool.prepare()
        spool.count_up("doctor")
        waiting = len(spool.entries())
    except SpoolUnusable as error:
        return Finding("spool", is_good=False, text=str(error))
    return Finding("spool", is_good=True, text=f"{folder}: {waiting} waiting, {spool.count_rejections()} refused")


def _examine_name(url: str) -> Finding:
    import socket
    import threading

    parts = urlsplit(url)
    addresses: list[str] = []
    problems: list[str] = []

    def resolve() -> None:
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            addresses.extend(str(each[4][0]) for each in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            problems.append(str(error))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(CONNECT_S)
    if addresses:
        return Finding("name", is_good=True, text=f"{parts.hostname} is {', '.join(sorted(set(addresses))[:4])}")
    return Finding("name", is_good=False, text=f"{parts.hostname}: {problems[0] if problems else 'not resolved within 2 s'}")


def _examine_answer(answer: WireAnswer) -> list[Finding]:
    if answer.status == 0:
        return [Finding("connection", is_good=False, text=answer.text)]
    if not answer.is_json:
        return [Finding("connection", is_good=False, text=f"HTTP {answer.status}, not from Causeline: is the address right?")]
    findings = [Finding("connection", is_good=True, text=f"answers HTTP {answer.status}")]
    if answer.status in _CREDENTIALS:
        findings.append(
            Finding("token", is_good=False, text=f"HTTP {answer.status}: CAUSELINE_TOKEN must be a token with the scope `ingest`")
        )
    elif answer.status in _OVERLOADED:
        findings.append(Finding("token", is_good=False, text=f"HTTP {answer.status}: the server is too busy to say"))
    else:
        findings.append(Finding("token", is_good=True, text="may send"))
    return [*findings, _examine_clock(answer.date)] if answer.date else findings


def _examine_clock(date: str) -> Finding:
    from email.utils import parsedate_to_datetime

    try:
        skew = time.time() - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return Finding("clock", is_good=False, text="the server's date is none")
    return Finding("clock", is_good=abs(skew) <= _MOST_SKEW_S, text=f"{skew:+.0f} s from the server's")
