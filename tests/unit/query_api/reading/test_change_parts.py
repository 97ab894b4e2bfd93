"""What events say of each other by the ids of any API."""

from causeline.query_api.causes.facts import NOTICING_DELAY
from causeline.query_api.reading.cause_rules import EVERY_TENANT, CauseRules
from causeline.query_api.reading.change_parts import MOST_WHOLES, absent_wholes, shown_ids
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.apitraffic.sids import sid_of
from tests.contract.event_rows import T0, event, problem
from tests.partition_log import uuid


def test_each_api_has_the_id_that_its_clients_know() -> None:
    events = [event(id=uuid(number), dialect=dialect.name) for number, dialect in enumerate(DIALECTS, start=1)]
    shown = shown_ids(events)
    by_api = {change.dialect: change.id for change in events}
    assert set(shown.values()) == {by_api["apitraffic"], by_api["desk"]}
    assert shown[sid_of(by_api["apitraffic"])] == by_api["apitraffic"]


def test_a_step_may_name_a_change_that_is_not_there_by_either_id() -> None:
    there, far, farther = event(id=uuid(1)), uuid(2), uuid(3)
    steps = [event(id=uuid(10 + n), related_id=name) for n, name in enumerate((there.id, far, sid_of(farther), far, "T-9", "x" * 500))]
    assert absent_wholes([there, *steps], {}) == [far, farther], "what is no id of an event is not asked for"


def test_what_is_known_by_the_id_of_its_api_is_not_looked_for() -> None:
    change = event(id=uuid(1), dialect="apitraffic")
    step = event(id=uuid(2), related_id=sid_of(change.id))
    assert absent_wholes([change, step], shown_ids([change, step])) == []


def test_no_more_changes_are_looked_for_than_fit_one_question() -> None:
    steps = [event(id=uuid(n), related_id=uuid(1_000 + n)) for n in range(1, 300)]
    assert len(absent_wholes(steps, {})) == MOST_WHOLES


def test_a_problem_of_which_nobody_sent_the_start_was_noticed_a_minute_late() -> None:
    rules = CauseRules(delays={"desk": 30_000})
    assert rules.delay_of(problem(dialect="desk", start=T0, ingest_ts=T0)) == NOTICING_DELAY
    assert rules.delay_of(problem(dialect="desk", start=T0, ingest_ts=T0 + 5)) == 30_000
    assert rules.delay_of(problem(dialect="native", start=T0, ingest_ts=T0 + 5)) == 0


def test_kinds_are_of_all_tenants_or_of_one() -> None:
    rules = CauseRules(kinds={EVERY_TENANT: frozenset({"rollout"}), "shop": frozenset({"schema"})})
    assert rules.kinds_of("shop") == {"rollout", "schema"}
    assert rules.kinds_of("ci") == {"rollout"}
