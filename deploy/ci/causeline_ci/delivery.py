"""How an event gets from a command to a server: into the spool, over the wire, out of the spool. In this order, whatever ends the process.

A step may be repeated (the key makes it one) and none may be left out: in the spool before the first byte, out of it after the answer.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from . import facts
from .attempts import ATTEMPT_S, Delivered, Rejection, Undelivered, attempt_event
from .spool import Spool, SpoolRecord, SpoolUnusable

if TYPE_CHECKING:
    from .providers import CiJob
    from .settings import ClientSettings

_MOST_EXTRA = 20
"""How many events that waited a command sends after its own, within the same 5 s."""
_MOST_FAILURES = 3
"""After so many failures in a row a pass ends: each may cost 5 s."""
_PASS_S = 30.0
"""How long a flush without a wait may take, however much lies there and however slow a server is."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0


class Parcel(NamedTuple):
    """An event with its id; `in_spool` is false where the folder does not do, and `problem` says why."""

    id: str
    record: SpoolRecord
    in_spool: bool
    problem: str = ""


class Pass(NamedTuple):
    """What became of several events: how many a server has, how many it refused, how many wait, and the last reason of each sort."""

    delivered: int = 0
    refusals: tuple[Rejection, ...] = ()
    waiting: int = 0
    failure: Undelivered | None = None


class Courier:
    """Spools and sends the events of one command. `spool` is None where the folder does not do, for the reason in `problem`."""

    def __init__(self, settings: ClientSettings, job: CiJob, folder: str) -> None:
        self.settings = settings
        self.job = job
        self.problem = ""
        self.spool: Spool | None = Spool(folder)
        try:
            self.spool.prepare()
            self.spool.prune()
        except SpoolUnusable as error:
            self._give_up(error)

    def new_id(self, event: dict[str, Any], phase: str) -> str:
        """Return the id of a new event: by the job and the how-manieth where both are known, else a random one."""
        if self.job.provider and self.spool is not None:
            sort = facts.sort_of(self.job, event, phase)
            try:
                return facts.id_of_event(sort, self.spool.count_up(sort))
            except SpoolUnusable as error:
                self._give_up(error)
        return str(uuid.uuid4())

    def prepare_event(self, event_id: str, event: dict[str, Any], key: str = "") -> Parcel:
        """Put an event into the spool, with the number of those that its bounds cost before.

        Raises nothing: what cannot lie there is sent at once.
        """
        record = SpoolRecord(key or event_id, event)
        if self.spool is not None:
            try:
                if loss_count := self.spool.take_dropped(event_id):
                    event = {**event, "tags": {**event.get("tags", {}), "spool_dropped": str(loss_count)}}
                    record = SpoolRecord(record.key, event)
                self.spool.add(event_id, record)
                self.spool.tell_dropped(event_id)
            except SpoolUnusable as error:
                self._give_up(error)
            else:
                return Parcel(event_id, self.spool.read(event_id) or record, in_spool=True)
        return Parcel(event_id, record, in_spool=False, problem=self.problem)

    def send(self, events: list[Parcel], seconds: float = ATTEMPT_S) -> Pass:
        """Send events, then some of those that waited before them, all within so many seconds."""
        deadline = time.monotonic() + seconds
        result = self._send_all(events, deadline)
        if result.failure is None and self.spool is not None:
            own = {each.id for each in events}
            extra = [entry.id for entry in self._entries() if entry.id not in own][:_MOST_EXTRA]
            self._send_all(self._read(extra), deadline)  # what becomes of them is the word of the command that made them, and of `flush`
        return result

    def flush(self, wait_s: float) -> Pass:
        """Send what lies in the spool, oldest first: a pass of at most 30 s, or passes until it is empty or `wait_s` seconds are over."""
        deadline = time.monotonic() + wait_s
        pass_end = deadline if wait_s > 0 else deadline + _PASS_S
        pause = _FIRST_PAUSE_S
        total = Pass()
        while True:
            one = self._send_all(self._read([entry.id for entry in self._entries()]), pass_end)
            left_over = len(self._entries())
            total = Pass(total.delivered + one.delivered, total.refusals + one.refusals, left_over, one.failure if left_over else None)
            pause_now = max(pause, one.failure.retry_after if one.failure else 0.0)
            if not left_over or time.monotonic() + pause_now > deadline:
                return total
            time.sleep(pause_now)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _send_all(self, events: list[Parcel], deadline: float) -> Pass:
        delivered, failures, row = 0, 0, 0
        refusals: list[Rejection] = []
        failure: Undelivered | None = None
        for number, each in enumerate(events):
            seconds = deadline - time.monotonic()
            if seconds <= 0 or row >= _MOST_FAILURES or (failure and (failure.is_away or failure.is_credentials or failure.retry_after)):
                failures += len(events) - number
                failure = failure or Undelivered("no time was left for it")
                break
            outcome = attempt_event(self.settings, each.record, seconds)
            if isinstance(outcome, Undelivered):
                failure, row, failures = outcome, row + 1, failures + 1
                continue
            row = 0
            if isinstance(outcome, Delivered):
                delivered += 1
                if each.in_spool and self.spool is not None:
                    self.spool.remove(each.id)
            else:
                refusals.append(outcome)
                self._set_aside(each, outcome)
        return Pass(delivered, tuple(refusals), failures, failure)

    def _set_aside(self, each: Parcel, outcome: Rejection) -> None:
        if each.in_spool and self.spool is not None:
            try:
                self.spool.reject(each.id, outcome.status, outcome.text)
            except SpoolUnusable as error:
                self._give_up(error)  # it stays where it is, and is refused again

    def _read(self, ids: list[str]) -> list[Parcel]:
        records = [(each, self.spool.read(each) if self.spool is not None else None) for each in ids]
        return [Parcel(each, record, in_spool=True) for each, record in records if record is not None]

    def _entries(self) -> list[Any]:
        try:
            return list(self.spool.entries()) if self.spool is not None else []
        except SpoolUnusable as error:
            self._give_up(error)
            return []

    def _give_up(self, error: SpoolUnusable) -> None:
        self.problem = str(error.args[0] if error.args else error)
        self.spool = None
