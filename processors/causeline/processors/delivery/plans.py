"""What of a subscription could be handed out, and what of that is due now."""

from collections import deque
from typing import Final

from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.state import Waiting
from causeline.schemas.subscriptions.rules import Rule


class Heads:
    """What of a subscription may be handed out: tests, and heads that are not under way, with their numbers, the oldest first."""

    def __init__(self, draft: StateDraft) -> None:
        self.tests: list[tuple[int, Waiting]] = []
        self.idle: list[tuple[int, Waiting]] = []
        self.leases: list[int] = []
        self.in_flight = 0
        lines: set[tuple[bool, str]] = set()
        for seq, one in draft.now.waiting.items():
            is_test = one.what == "test"
            line = one.line
            if is_test or line not in lines:
                if one.awaited:
                    self.in_flight += not is_test
                    self.leases.append(one.lease_until)
                else:
                    (self.tests if is_test else self.idle).append((seq, one))
            if not is_test:
                lines.add(line)


class Plan:
    """What of a subscription is due now, the oldest first, as many as its window has room for; and when it is to be looked at again."""

    def __init__(self, rule: Rule) -> None:
        self.rule: Final = rule
        self.due: Final[deque[tuple[int, Waiting]]] = deque()
        self.alarms: Final[list[int]] = []
        self.is_probe = False
