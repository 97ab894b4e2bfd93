"""What goes on in the demo while somebody looks: small changes, and now and then one that breaks something for half a minute. Pure."""

from random import Random
from typing import Final, NamedTuple

from causeline.deploy.commands.demo.day import tell_plain
from causeline.deploy.commands.demo.delivery import deployment_fields, draw_commit, tell_stages
from causeline.deploy.commands.demo.faults import draw_symptom, tell_incident
from causeline.deploy.commands.demo.fleet import FLEET, DemoService
from causeline.deploy.commands.demo.marks import INCIDENT, Body, DemoEvent, DemoRun, make_event
from causeline.query_api.causes.kinds import MINUTE

STEP_S: Final = 3.0
"""How long after each other steps are sent."""
_CYCLE: Final = 20
"""Steps in which one deployment begins, ends, breaks its service, and is over."""
_BEGIN: Final = 1
_END: Final = 3
_BREAK: Final = 7
_OVER: Final = 17
_BUILDS: Final = 5
"""In every so-manieth step a commit is built instead."""
_KINDS: Final = ("config_change", "flag", "scale", "scale", "operation", "info")


class Trickle(NamedTuple):
    """What a run adds from `began` on (ms UTC): the same steps at the same times are the same events."""

    run: DemoRun
    began: int

    def step(self, number: int, at: int) -> list[DemoEvent]:
        """Return what happens in a step (from 0), at a time (ms UTC)."""
        cycle, place = divmod(number, _CYCLE)
        random = Random(f"{self.run.seed} {self.began} {number}")  # noqa: S311 - a story, no secret
        if place in (_BEGIN, _END):
            return [self._deployment(cycle, at, is_over=place == _END)]
        if place in (_BREAK, _OVER):
            return [self._end(cycle, at, "over") if place == _OVER else self._incident(cycle, at)]
        service = random.choice(FLEET)
        if place % _BUILDS == 0:
            about: Body = {**service.fields, "branch": "main", "commit": draw_commit(random)}
            return list(tell_stages(self.run, random, self._key(f"build-{number}"), about, at - 60 * MINUTE))
        return [tell_plain(self.run, random, self._key(f"step-{number}"), random.choice(_KINDS), service, at)]

    def farewell(self, number: int, at: int) -> list[DemoEvent]:
        """Return what must still be sent where step `number` may have been sent and nothing follows: nothing stays open for ever."""
        cycle, place = divmod(number, _CYCLE)
        return [self._end(cycle, at, "farewell")] if _BREAK <= place <= _OVER else []

    def _key(self, name: str) -> str:
        return f"live/{self.began}/{name}"

    def _cycle(self, cycle: int) -> tuple[Random, DemoService]:
        """Return the randomness of a cycle and the service that it is about."""
        random = Random(f"{self.run.seed} {self.began} cycle {cycle}")  # noqa: S311
        return random, random.choice([service for service in FLEET if not service.is_store])

    def _deployment(self, cycle: int, at: int, *, is_over: bool) -> DemoEvent:
        random, service = self._cycle(cycle)
        release = f"9.{cycle}.{self.began // 1_000 % 100_000}"
        key, title = self._key(f"deploy-{cycle}"), f"Deploy {service.name} {release}"
        fields = deployment_fields(random, service, release, [{"id": draw_commit(random), "time": self.began - 90 * MINUTE}])
        if is_over:
            return make_event(self.run, f"{key}/end", "deployment", f"{title}: done", at, whole=key, status="succeeded", **fields)
        return make_event(self.run, key, "deployment", title, at, status="started", **fields)

    def _incident(self, cycle: int, at: int) -> DemoEvent:
        random, service = self._cycle(cycle)
        key = self._key(f"fault-{cycle}")
        own = {"correlation_id": self._correlation_id(cycle)}
        return tell_incident(self.run, key, draw_symptom(random, service, at, None), self._key(f"deploy-{cycle}"), **own)

    def _end(self, cycle: int, at: int, name: str) -> DemoEvent:
        """Return a close, which says nothing where the incident was never sent."""
        _, service = self._cycle(cycle)
        own = {"status": "closed", "correlation_id": self._correlation_id(cycle), "environment": "production"}
        key = self._key(f"fault-{cycle}/{name}")
        return make_event(self.run, key, INCIDENT, f"{service.name} is well again", at, **own, **service.fields)

    def _correlation_id(self, cycle: int) -> str:
        return f"demo/{self.run.name}/{self._key(f'fault-{cycle}')}"
