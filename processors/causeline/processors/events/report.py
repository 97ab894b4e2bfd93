"""What a round did, as the metrics and the log are told of it once it is committed."""

from collections import Counter

from causeline.schemas.records.delivery_work import What
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason
from causeline.schemas.records.problem import Problem, Transition


class EventCounts:
    """What a round did, for the metrics and the log: told once a round, not once a record. Refreshes are counted, not named."""

    def __init__(self) -> None:
        self.ops: Counter[str] = Counter()
        self.deduplicated = 0
        self.coalesced = 0
        self.closes_lost = 0
        self.dead_letters: Counter[DeadLetterReason] = Counter()
        self.transitions: Counter[Transition] = Counter()
        self.matched: dict[What, int] = {"event": 0, "problem": 0}
        self.letters: list[DeadLetter] = []
        self.moves: list[Problem] = []
