"""Random histories of a tenant's deployments and problems, as the log has them: every version, tombstones of moves, repeats, any order."""

import random
from typing import Any, Final

import msgspec

from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from tests.contract.event_rows import DAY, HOUR, MINUTE, T0, after, event, gone, problem
from tests.contract.revision_rows import cause, revision

SERVICES: Final = ("shop", "shop", "shop-svc", "cart", "cart", "")
GROUPS: Final = ("a", "b")
_KINDS: Final = ("deployment",) * 12 + ("release", "change", "build", "test")
_DIALECTS: Final = ("native",) * 4 + ("cto_ai", "tracker", "desk", "apitraffic", "escapekit")
_OPENERS: Final = ("cto_ai", "native", "desk")
_STATUSES: Final = ("success",) * 6 + ("", "Succeeded", "failed", "initiated", "in_progress", "cancelled", "warning")


class History:
    """What happened in `days` days around `T0`: `rows` in the order in which the sink gets them, `newest` of each event."""

    def __init__(self, seed: int, tenant: str, size: int = 150, days: int = 8) -> None:
        self._random: Final = random.Random(seed)
        self.tenant: Final = tenant
        self._days: Final = days
        self.newest: Final[list[Event]] = []
        self.rows: list[Event | Problem | CauseRevision] = []
        for _ in range(size):
            self._random.choices((self._deploy, self._commit, self._break, self._change), (6, 2, 2, 4))[0]()
        self._random.shuffle(self.rows)
        self.rows += self._random.choices(self.rows, k=size // 4)

    def batches(self) -> list[list[Event | Problem | CauseRevision]]:
        """Return the rows as they are inserted: some at a time."""
        cuts = sorted(self._random.sample(range(len(self.rows)), k=min(3, len(self.rows))))
        return [self.rows[low:high] for low, high in zip([0, *cuts], [*cuts, len(self.rows)], strict=True)]

    def _at(self) -> int:
        far = self._random.choice((0,) * 18 + (-200 * DAY, -91 * DAY, 38 * DAY))
        return T0 + far + self._random.randrange(-self._days * 24, self._days * 24) * HOUR + self._random.choice((0, 0, 1, MINUTE))

    def _put(self, first: Event) -> Event:
        self.newest.append(first)
        self.rows.append(first)
        return first

    def _base(self, at: int) -> dict[str, Any]:
        pick = self._random.choice
        own = {} if self._random.random() < 0.8 else {"id": ids.uuid5(self.tenant, str(len(self.newest)))}
        scope = {"service": pick(SERVICES), "team": pick(("", "t1", "t2")), "repo": pick(("", "r1")), "project": pick(("", "p1"))}
        place = {"environment": pick(("production", "Production", "prod", "live", "", "staging")), "dialect": pick(_DIALECTS)}
        return {"tenant": self.tenant, "updated_ts": at, "allowed_groups": pick(([], [], [], ["a"], ["b"])), **own, **scope, **place}

    def _commits(self) -> dict[str, Any]:
        listed = [f"c{self._random.randrange(20)}" for _ in range(self._random.choice((0, 0, 1, 3)))]
        times = [self._random.choice((0, self._at())) for _ in listed]
        return {"commit": self._random.choice(("", f"c{self._random.randrange(20)}")), "commits": listed, "commit_times": times}

    def _deploy(self) -> None:
        at, pick = self._at(), self._random.choice
        begin, end = pick((None, at, at - 9 * MINUTE)), pick((None, at, at + 20 * MINUTE, at - 3 * DAY))
        words = {"title": pick(("Deploy", "Rollback", "a HOTFIX", "Revert it", "x" * 5_000)), "branch": pick(("", "main", "hotfix/1"))}
        tags = pick(
            (
                {},
                {},
                {"rollback": "true"},
                {"hotfix": "yes", "x": "y"},
                {"deployment_id": f"d{self._random.randrange(4)}"},
                {"status": "failed"},
            )
        )
        fields = {
            "kind": pick(_KINDS),
            "status": pick(_STATUSES),
            "start": begin,
            "end": end,
            "release": pick(("", "1", "2", "3")),
            "tags": tags,
        }
        self._put(event(at, **{**self._base(at), **fields, **words, **self._commits(), "related_id": self._name()}))

    def _name(self) -> str:
        """Return what an event names: often nothing, else an earlier one, now and then as another API shows it."""
        if not self.newest or self._random.random() < 0.7:
            return self._random.choice(("", "T-1"))
        named = self._random.choice(self.newest)
        desk = f"{ids.signed_low(named.id)}_{named.ts}"
        return self._random.choice((named.id, named.id, desk))

    def _commit(self) -> None:
        at, pick = self._at(), self._random.choice
        fields = {"kind": pick(("commit", "change")), "status": pick(("succeeded", "initiated", "failed", ""))}
        self._put(event(at, **{**self._base(at), **fields, **self._commits()}))

    def _break(self) -> None:
        at, pick = self._at(), self._random.choice
        opening = self._put(
            event(
                at,
                **{
                    **self._base(at),
                    "kind": pick(("incident", "incident", "change", "recovery")),
                    "status": "open",
                    "dialect": pick(_OPENERS),
                },
            )
        )
        deadline = pick((None, at + HOUR, T0 + 40 * DAY))
        row = problem(at, tenant=self.tenant, id=opening.id, event_id=opening.id, deadline=deadline, at=at)
        self.rows.append(row)
        end = at + self._random.randrange(1, 400) * 10 * MINUTE
        match pick(("open", "closed", "closed", "abandoned", "timed_out", "deleted")):
            case "closed":
                self.rows.append(after(row, "closed", end, cause=pick((opening.id, ids.uuid7(end, bytes(10))))))
            case "abandoned":
                over = self._put(event(end, **{**self._base(end), "kind": "incident", "dialect": "cto_ai", "status": "failed"}))
                self.rows.append(after(row, "closed", end, cause=over.id))
            case "timed_out":
                self.rows.append(after(row, "timed_out", end))
            case "deleted":
                self.rows.append(msgspec.structs.replace(after(row, "deleted", end), is_deleted=True))
            case _:
                pass
        for number in range(self._random.choice((0, 1, 3))):
            causes = [cause(pick(self.newest).id) for _ in range(self._random.choice((0, 1, 2)))]
            verdict = pick(("likely", "likely", "possible", "none"))
            self.rows.append(revision(number + 1, tenant=self.tenant, id=row.id, verdict=verdict, causes=causes))

    def _change(self) -> None:
        """Let an event have another version: patched, of another kind or service, at another time, or deleted."""
        if not self.newest:
            return
        number = self._random.randrange(len(self.newest))
        current = self.newest[number]
        if current.is_deleted:
            return
        version = current.version + 1
        match self._random.choice(("patch", "kind", "service", "time", "delete", "groups")):
            case "patch":
                patched = {"status": self._random.choice(_STATUSES), "end": self._at(), **self._commits()}
            case "kind":
                patched = {"kind": self._random.choice((*_KINDS, "commit"))}
            case "service":
                service = self._random.choice(SERVICES)
                patched = {"service": service, "previous_service": current.service if service != current.service else ""}
            case "time":
                patched = {"ts": self._at()}
            case "groups":
                patched = {"allowed_groups": self._random.choice(([], ["a"]))}
            case _:
                patched = {"is_deleted": True}
        following = msgspec.structs.replace(current, **{"previous_service": "", **patched, "version": version})
        if following.ts != current.ts:
            self.rows.append(gone(current))
        self.newest[number] = following
        self.rows.append(following)
