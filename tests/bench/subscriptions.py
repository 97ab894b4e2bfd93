"""The subscriptions of a fleet, beside the events of `stages.event`: of 500 services, each event of which about one subscription asks for.

Half of them filter by service and environment, half by kind and service, as teams do who follow their own services; one of a thousand
follows every problem.
"""

import msgspec

from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.values import ids

SERVICES = 500
ENVIRONMENTS = ("production", "staging", "qa", "development", "sandbox", "eu-1", "eu-2", "us-1", "us-2", "ap-1")
KINDS = ("incident", "drift", "config_change", "scale", "build", "test", "ticket", "review", "access", "info")


def rule(number: int, one_in: int = 1) -> Rule:
    """Return one of the subscriptions; 10,000 of them are 20 of each service. Of `one_in` services, one has events."""
    service = f"service-{number % SERVICES * one_in}"
    turn = number // SERVICES
    if number % 1_000 == 999:
        where = Filter(followed=("problems",))
    elif turn % 2:
        where = Filter(kinds=(KINDS[turn // 2 % len(KINDS)],), services=(service,))
    else:
        where = Filter(services=(service,), environments=(ENVIRONMENTS[turn // 2 % len(ENVIRONMENTS)],))
    return Rule(id=ids.uuid5("bench", str(number)), tenant="default", revision=1, where=where, created_at=0)


def subscribe(new_rule: Rule, now: int) -> IngestRecord:
    """Return the record that makes a subscription known to a partition."""
    return IngestRecord(op="subscribe", tenant=new_rule.tenant, id=new_rule.id, ingest_ts=now, patch=msgspec.json.encode(new_rule).decode())
