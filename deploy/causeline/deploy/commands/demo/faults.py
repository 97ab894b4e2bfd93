"""What goes wrong in the demo, and what did it: incidents after changes, incidents after none, the way back. Pure."""

from random import Random
from typing import Any, Final, NamedTuple

from causeline.deploy.commands.demo.delivery import ToldDeployment, deployment_fields, draw_commit, draw_length, draw_whether
from causeline.deploy.commands.demo.fleet import DemoService, callers_of
from causeline.deploy.commands.demo.marks import DEMO_MEMBER, INCIDENT, NO_CAUSE, DemoEvent, DemoRun, make_event
from causeline.query_api.causes.kinds import MINUTE

_SYMPTOMS: Final = (
    ("{service}: error rate above 5 %", "Requests fail with 500 since the alarm; customers see an empty page."),
    ("{service} answers slowly", "The 99th percentile is over two seconds, the median is as always."),
    ("{service}: queue grows", "Consumers do not keep up, the oldest message is eleven minutes old."),
    ("{service} restarts again and again", "Its memory grows until the limit is reached."),
    ("{service}: half of the health checks fail", "Instances of one zone do not become ready."),
)
_OUTSIDE: Final = (
    ("{service}: certificate of a partner ran out", "Nothing of ours has changed; the partner was told."),
    ("{service}: packet loss at the provider", "The provider says on its status page that a line is damaged."),
    ("{service}: traffic five times as high as on other days", "A television programme spoke of the shop."),
)
_SEVERITIES: Final = {1: ("critical", "P1"), 2: ("major", "P2"), 3: ("minor", "P3")}


class Symptom(NamedTuple):
    """What is seen of a fault: where, as which words, and from when until when (ms UTC; None: it goes on)."""

    service: DemoService
    title: str
    text: str
    start: int
    end: int | None


def tell_incident(run: DemoRun, key: str, symptom: Symptom, cause: str = NO_CAUSE, opinion: str = "", **fields: Any) -> DemoEvent:
    """Return an incident: one that is over is told whole. `cause` is the key of what did it, `opinion` what somebody says of that."""
    severity, priority = _SEVERITIES[symptom.service.tier]
    state = {"status": "open"} if symptom.end is None else {"status": "closed", "end": symptom.end}
    truth = {"cause": cause, **({"opinion": opinion} if opinion else {})}
    return make_event(
        run,
        key,
        INCIDENT,
        symptom.title,
        symptom.start,
        start=symptom.start,
        **state,
        **symptom.service.fields,
        environment="production",
        severity=severity,
        priority=priority,
        text=symptom.text,
        **{"links": {"runbook": f"https://wiki.example.com/runbooks/{symptom.service.name}"}, DEMO_MEMBER: truth, **fields},
    )


def draw_symptom(random: Random, service: DemoService, start: int, end: int | None, *, outside: bool = False) -> Symptom:
    """Return a fault of a service as somebody would describe it; `outside`: as what no change of the fleet did."""
    title, text = random.choice(_OUTSIDE if outside else _SYMPTOMS)
    return Symptom(service, title.format(service=service.name), text, start, end)


def tell_fault(run: DemoRun, random: Random, key: str, rollout: ToldDeployment, latest: int, opinion: str = "") -> list[DemoEvent]:
    """Return the incident that a deployment did, and in half of the cases the way back that ended it; nothing if that ends after `latest`.

    It shows at the service itself, or in a quarter of the cases at one that calls it; half of the texts name the version.
    """
    start = rollout.end + draw_length(random, 6 * MINUTE, 0.8)
    end = start + draw_length(random, 35 * MINUTE, 0.7)
    if end > latest:
        return []
    callers = callers_of(rollout.service.name)
    service = random.choice(callers) if callers and draw_whether(random, 0.25) else rollout.service
    symptom = draw_symptom(random, service, start, end)
    if service is rollout.service and draw_whether(random, 0.5):
        symptom = symptom._replace(text=f"{symptom.text} First seen with {service.name} {rollout.release}.")
    events = [tell_incident(run, key, symptom, rollout.key, opinion)]
    if draw_whether(random, 0.5):
        events.append(tell_rollback(run, random, f"{key}/back", rollout, end - 4 * MINUTE, end - MINUTE))
    return events


def tell_rollback(run: DemoRun, random: Random, key: str, rollout: ToldDeployment, start: int, end: int) -> DemoEvent:
    """Return the deployment that takes another one back, from `start` to `end` (ms UTC): the release before it runs again."""
    major, minor, _ = rollout.release.split(".")
    release = f"{major}.{max(int(minor) - 1, 0)}.0"
    fields = deployment_fields(random, rollout.service, release, [{"id": draw_commit(random), "time": start - 3 * 24 * 60 * MINUTE}])
    title = f"Roll back {rollout.service.name} to {release}"
    mark = {"tags": {"rollback": "true"}, "start": start, "end": end, "status": "succeeded"}
    return make_event(run, key, "deployment", title, start, whole=rollout.key, **mark, **fields)
