"""How an event of the demo says that it is one, and of which run: what finds it again without a file that remembers it. Pure.

tags.demo      `problem` of incidents, `event` of everything else: a problem and a change must not share a tag, which relates them
demo.run       seed and moment of the run, `7@1795242600000`: the same run is the same events, under the same idempotency keys
demo.key       the name of the event within its run
demo.cause     of an incident: the key of what did it, or `none`; `demo.opinion` is what somebody says of that
"""

from typing import Any, Final, NamedTuple

Body = dict[str, Any]
"""What the native API takes: an event, a service."""

DEMO_SOURCE: Final = "causeline demo"
DEMO_TAG: Final = "demo"
DEMO_MEMBER: Final = "demo"
PROBLEM_VALUE: Final = "problem"
EVENT_VALUE: Final = "event"
NO_CAUSE: Final = "none"
INCIDENT: Final = "incident"


class DemoRun(NamedTuple):
    """What makes one demo: the same seed and moment (ms UTC), at which it ends, are the same demo."""

    seed: int
    at: int

    @property
    def name(self) -> str:
        """Return the name, which events carry."""
        return f"{self.seed}@{self.at}"


class DemoEvent(NamedTuple):
    """An event to be sent. `whole` is the key of another one, whose id it names once that is known; empty without one."""

    body: Body
    whole: str = ""

    @property
    def key(self) -> str:
        """Return the name within the run."""
        return str(self.body[DEMO_MEMBER]["key"])

    @property
    def at(self) -> int:
        """Return when it happened (ms UTC)."""
        return int(self.body["ts"])


def run_of(name: str) -> DemoRun | None:
    """Return the run of a name, None where it is none."""
    seed, _, at = name.partition("@")
    return DemoRun(int(seed), int(at)) if seed.isdecimal() and at.isdecimal() else None


def make_event(run: DemoRun, key: str, kind: str, title: str, at: int, *, whole: str = "", **fields: Any) -> DemoEvent:
    """Return an event of a run at a time (ms UTC); `fields` are further members, among them `tags` and `demo`."""
    role = PROBLEM_VALUE if kind == INCIDENT else EVENT_VALUE
    body = {
        "kind": kind,
        "title": title,
        "ts": at,
        "source": DEMO_SOURCE,
        **fields,
        "tags": {**fields.get("tags", {}), DEMO_TAG: role},
        DEMO_MEMBER: {"run": run.name, "key": key, **fields.get(DEMO_MEMBER, {})},
        "idempotency_key": f"demo/{run.name}/{key}",
    }
    return DemoEvent(body, whole)
