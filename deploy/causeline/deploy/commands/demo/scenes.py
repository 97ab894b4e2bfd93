"""The scenes of the day that were written by hand, so that who looks has something to find: what is open now, a storm, what is planned.

Times are told as so many minutes before the moment of the run. Pure.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from causeline.deploy.commands.demo.delivery import draw_commit, tell_pipeline
from causeline.deploy.commands.demo.faults import Symptom, tell_incident, tell_rollback
from causeline.deploy.commands.demo.fleet import BY_NAME, callers_of
from causeline.deploy.commands.demo.marks import NO_CAUSE, DemoEvent, DemoRun, make_event
from causeline.deploy.commands.demo.releases import Releases
from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE

_STORM_AT: Final = 300 * MINUTE
_STORM_CAUSE: Final = "scene/storm"


SCENE_SERVICES: Final = frozenset({"cart", "checkout"})
"""Services whose deployments of the day are all told here, so that their releases follow each other."""


def tell_scenes(run: DemoRun, random: Random, releases: Releases) -> Iterator[DemoEvent]:
    """Yield all of them."""
    yield from _open_checkout(run, random, releases)
    yield from _open_search(run)
    yield from _outside(run)
    yield from _storm(run, random)
    yield from _flag(run)
    yield from _migration(run)
    yield from _rolled_back(run, random, releases)
    yield from _release(run, random)


def _open_checkout(run: DemoRun, random: Random, releases: Releases) -> Iterator[DemoEvent]:
    """Yield a deployment of ten minutes ago, and what it does to orders since six."""
    service = BY_NAME["checkout"]
    release = releases.next_of(service.name)
    rollout, events = tell_pipeline(run, random, "scene/checkout", service, release, run.at - 15 * MINUTE, run.at - 10 * MINUTE)
    yield from events
    text = f"One order in twelve fails at the last step since {service.name} {release} runs."
    symptom = Symptom(service, "checkout: error rate above 5 %", text, run.at - 6 * MINUTE, None)
    yield tell_incident(run, "scene/checkout-errors", symptom, rollout.key)


def _open_search(run: DemoRun) -> Iterator[DemoEvent]:
    """Yield a setting of the index, and the API above it that answers slowly."""
    index, api = BY_NAME["search-index"], BY_NAME["search-api"]
    changes = [{"key": "index.refresh_interval", "old": "30s", "new": "1s"}]
    title = "search-index: index.refresh_interval from 30s to 1s"
    at = run.at - 52 * MINUTE
    yield make_event(
        run, "scene/refresh", "config_change", title, at, environment="production", changes=changes, actor="radia", **index.fields
    )
    text = "Searches wait for the index; its refresh takes most of its time."
    symptom = Symptom(api, "search-api answers slowly", text, run.at - 43 * MINUTE, None)
    yield tell_incident(run, "scene/search-slow", symptom, "scene/refresh", "confirmed")


def _outside(run: DemoRun) -> Iterator[DemoEvent]:
    """Yield what no change did, open for two hours; and the like of last night, of which somebody said so."""
    text = "Pictures load slowly in one country; the provider's status page speaks of a damaged line."
    symptom = Symptom(BY_NAME["images"], "images: packet loss at the provider", text, run.at - 131 * MINUTE, None)
    yield tell_incident(run, "scene/images", symptom)
    text = "The acquirer's status page says that it does maintenance; payments by other cards go through."
    night = Symptom(BY_NAME["card-gateway"], "card-gateway: a partner does not answer", text, run.at - 17 * HOUR, run.at - 16 * HOUR)
    yield tell_incident(run, "scene/acquirer", night, NO_CAUSE, "confirmed")


def _storm(run: DemoRun, random: Random) -> Iterator[DemoEvent]:
    """Yield a setting of the bus, and what suffers within minutes: all that lives by it."""
    bus, at = BY_NAME["message-bus"], run.at - _STORM_AT
    changes = [{"key": "max.inflight", "old": 1000, "new": 10}]
    title = "message-bus: max.inflight from 1000 to 10"
    fields = {**bus.fields, "environment": "production"}
    yield make_event(run, _STORM_CAUSE, "config_change", title, at, changes=changes, actor="ken", **fields)
    near = callers_of(bus.name)
    far = [service for other in near for service in callers_of(other.name)]
    for number, service in enumerate(dict.fromkeys((bus, *near, *far))):
        start = at + 5 * MINUTE + number * 40_000 + round(random.uniform(0, 20_000))
        title = f"{service.name}: queue grows" if service in near else f"{service.name} answers slowly"
        text = "Messages wait for the bus." if service in near else "It waits for a service that waits for the bus."
        symptom = Symptom(service, title, text, start, at + 41 * MINUTE + number * 30_000)
        opinion = "confirmed" if service in (bus, *near[:2]) else ""
        yield tell_incident(run, f"scene/storm-{service.name}", symptom, _STORM_CAUSE, opinion)
    back = [{"key": "max.inflight", "old": 10, "new": 1000}]
    title = "message-bus: max.inflight from 10 back to 1000"
    yield make_event(run, "scene/storm-back", "config_change", title, at + 38 * MINUTE, changes=back, actor="grace", **fields)


def _flag(run: DemoRun) -> Iterator[DemoEvent]:
    """Yield a flag for half of the customers, and a page that names it."""
    web = BY_NAME["web-storefront"]
    fields = {**web.fields, "environment": "production", "tags": {"flag": "one-page-checkout"}}
    yield make_event(run, "scene/flag", "flag", "Flag one-page-checkout on for 50 % of customers", run.at - 9 * HOUR, actor="ada", **fields)
    text = "The page stays empty for customers with one-page-checkout; browsers without it are well."
    symptom = Symptom(web, "web-storefront: error rate above 5 %", text, run.at - 9 * HOUR + 11 * MINUTE, run.at - 8 * HOUR)
    yield tell_incident(run, "scene/flag-errors", symptom, "scene/flag", "confirmed")
    yield make_event(run, "scene/flag-off", "flag", "Flag one-page-checkout off", run.at - 8 * HOUR - 5 * MINUTE, actor="ada", **fields)


def _migration(run: DemoRun) -> Iterator[DemoEvent]:
    """Yield a long migration, and the ledger that waits for its locks."""
    database, start = BY_NAME["payments-db"], run.at - 20 * HOUR
    end = start + 110 * MINUTE
    title = "payments-db: index on transactions(created_at)"
    fields = {**database.fields, "environment": "production", "status": "succeeded", "start": start, "end": end}
    yield make_event(run, "scene/migration", "migration", title, start, actor="barbara", **fields)
    text = "Transactions of payments-db wait for a lock."
    symptom = Symptom(BY_NAME["ledger"], "ledger answers slowly", text, start + 14 * MINUTE, end + 2 * MINUTE)
    yield tell_incident(run, "scene/ledger-slow", symptom, "scene/migration")


def _rolled_back(run: DemoRun, random: Random, releases: Releases) -> Iterator[DemoEvent]:
    """Yield a deployment that was taken back, which ended what it did."""
    cart, start = BY_NAME["cart"], run.at - 13 * HOUR
    rollout, events = tell_pipeline(run, random, "scene/cart", cart, releases.next_of(cart.name), start, start + 5 * MINUTE)
    yield from events
    text = f"Items vanish from baskets. cart {rollout.release} is on half of the instances that do it."
    symptom = Symptom(cart, "cart: error rate above 5 %", text, start + 12 * MINUTE, start + 47 * MINUTE)
    yield tell_incident(run, "scene/cart-errors", symptom, rollout.key)
    yield tell_rollback(run, random, "scene/cart-back", rollout, start + 40 * MINUTE, start + 44 * MINUTE)


def _release(run: DemoRun, random: Random) -> Iterator[DemoEvent]:
    """Yield a release with its commits."""
    web, at = BY_NAME["web-storefront"], run.at - 3 * HOUR
    commits = [{"id": draw_commit(random), "time": at - round(random.uniform(2 * HOUR, 6 * DAY))} for _ in range(14)]
    commits.sort(key=lambda commit: int(str(commit["time"])))
    text = "Notes: gift cards, faster search, one page less on the way to an order."
    fields = {**web.fields, "environment": "production", "release": "2026.autumn", "commits": commits, "commit": commits[-1]["id"]}
    yield make_event(run, "scene/release", "release", "Release of the autumn storefront", at, status="succeeded", text=text, **fields)
