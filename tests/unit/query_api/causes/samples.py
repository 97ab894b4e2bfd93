"""A problem of checkout and changes around it, for tables of single features."""

from typing import Any, Final

import msgspec

from causeline.query_api.causes.context import Context, Pair, RiskCount
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.kinds import MINUTE

ONSET: Final = 1_760_000_000_000

PROBLEM: Final = ProblemFacts(
    id="p",
    start=ONSET,
    service="checkout",
    environment="production",
    entities=frozenset({"HOST-1", "HOST-2"}),
    tags={"region": "eu", "team": "shop"},
    title="Payment button broken",
)
CONTEXT: Final = Context(
    callees={"payments": 1, "ledger": 2, "database": 3},
    callers=frozenset({"frontend"}),
    deploys_per_day={Pair("checkout", "deployment"): 1.0},
    risks={Pair("checkout", "deployment"): RiskCount(100, 10)},
    kind_risks={"deployment": RiskCount(1_000, 50)},
    risk=RiskCount(10_000, 500),
    word_counts={"payment": 10, "broken": 300, "button": 2},
    tag_counts={("region", "eu"): 5_000, ("team", "shop"): 10},
    documents=10_000,
    reports={"checkout": frozenset({"deployment"})},
    reported_kinds=frozenset({"deployment", "flag"}),
)


def problem(**fields: Any) -> ProblemFacts:
    return msgspec.structs.replace(PROBLEM, **fields)


def context(**fields: Any) -> Context:
    return msgspec.structs.replace(CONTEXT, **fields)


def change(**fields: Any) -> Candidate:
    minutes = fields.pop("minutes", 5)
    start = ONSET - round(minutes * MINUTE)
    return Candidate(**{"id": "c", "kind": "deployment", "ts": start, "start": start, **fields})
