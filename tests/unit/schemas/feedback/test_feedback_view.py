"""The fold of feedback out of the configuration: by problem, by event, and the counts of what everybody may know."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.feedback.assessment import (
    NO_EVENT,
    Assessment,
    AssessmentPlace,
    AssessmentRecord,
    assessment_key,
    assessment_record,
)
from causeline.schemas.feedback.view import FeedbackView, TenantFeedback, VerdictCount
from causeline.schemas.records.config import FEEDBACK, SERVICES, ConfigView, Value, config_record
from causeline.schemas.records.key_uses import KeyUse

ASSESSMENTS = st.builds(
    Assessment,
    verdict=st.sampled_from(["confirmed", "rejected"]),
    note=st.sampled_from(["", "seen it"]),
    at=st.integers(0, 3),
    service=st.sampled_from(["shop", "cart"]),
    kind=st.sampled_from(["deployment", "flag"]),
    correlation_id=st.sampled_from(["c", "d"]),
    is_restricted=st.booleans(),
)
PLACES = st.builds(AssessmentPlace, st.sampled_from(["p1", "p2"]), st.sampled_from(["e1", "e2", NO_EVENT]))
STEPS = st.lists(st.tuples(st.sampled_from(["t", "u"]), PLACES, st.none() | ASSESSMENTS), max_size=20)


def put(view: ConfigView, tenant: str, place: AssessmentPlace, value: Value | None) -> None:
    view.apply(config_record(FEEDBACK, assessment_key(tenant, place), value, 0))


def seen(feedback: TenantFeedback) -> Iterator[object]:
    """Yield everything that a tenant's feedback says."""
    yield from (dict(feedback.of_problem(problem)) for problem in ("p1", "p2"))
    yield from (sorted(feedback.problems_of(event)) for event in ("e1", "e2", NO_EVENT))
    yield from (feedback.count_of(service, kind) for service in ("shop", "cart") for kind in ("deployment", "flag"))
    yield from (feedback.none_count(correlation_id) for correlation_id in ("c", "d"))
    yield from (feedback.is_explained(problem) for problem in ("p1", "p2"))
    yield from (len(feedback.records), feedback.total_bytes)


@given(STEPS)
def test_what_holds_follows_from_the_last_word_at_each_place(steps: list[tuple[str, AssessmentPlace, Assessment | None]]) -> None:
    config = ConfigView()
    early = FeedbackView(config)
    last: dict[str, dict[AssessmentPlace, Assessment]] = {"t": {}, "u": {}}
    for tenant, place, assessment in steps:
        put(config, tenant, place, AssessmentRecord(assessment=assessment).value)
        last[tenant].pop(place, None)
        if assessment is not None:
            last[tenant][place] = assessment
    for tenant, assessments in last.items():
        feedback = early.of(tenant)
        assert list(seen(feedback)) == list(seen(FeedbackView(config).of(tenant)))
        for problem in ("p1", "p2"):
            of_problem = {place.event: said for place, said in assessments.items() if place.problem == problem}
            assert feedback.of_problem(problem) == of_problem
            assert feedback.is_explained(problem) == any(
                said.verdict == "confirmed" and not said.is_restricted for event, said in of_problem.items() if event != NO_EVENT
            )
        counts = Counter(
            (said.service, said.kind, said.verdict)
            for place, said in assessments.items()
            if place.event != NO_EVENT and not said.is_restricted
        )
        for service in ("shop", "cart"):
            for kind in ("deployment", "flag"):
                expected = VerdictCount(counts[service, kind, "confirmed"], counts[service, kind, "rejected"])
                assert feedback.count_of(service, kind) == expected
        for event in ("e1", "e2"):
            assert set(feedback.problems_of(event)) == {place.problem for place in assessments if place.event == event}
        none = Counter(
            said.correlation_id for place, said in assessments.items() if place.event == NO_EVENT and said.verdict == "confirmed"
        )
        assert [feedback.none_count(one) for one in ("c", "d")] == [none["c"], none["d"]]
        assert feedback.total_bytes == sum(feedback.sizes.values())


def test_a_listener_hears_of_what_changes_and_of_nothing_else() -> None:
    config = ConfigView()
    view = FeedbackView(config)
    calls: list[tuple[str, str, int]] = []
    view.follow(lambda tenant, problem: calls.append((tenant, problem, len(view.of(tenant).of_problem(problem)))))
    place = AssessmentPlace("p", "e")
    said = Assessment(verdict="confirmed")
    put(config, "t", place, AssessmentRecord(assessment=said).value)
    put(config, "t", place, AssessmentRecord(assessment=said, uses={"1": KeyUse(2, 3)}).value)
    config.apply(config_record(SERVICES, "t/p", None, 0))
    put(config, "t", place, None)
    put(config, "t", place, None)
    assert calls == [("t", "p", 1), ("t", "p", 0)]


def test_a_record_that_cannot_be_read_is_as_if_nothing_was_said_there() -> None:
    config = ConfigView()
    view = FeedbackView(config)
    for event in ("e1", "e2"):
        put(config, "t", AssessmentPlace("p", event), AssessmentRecord(assessment=Assessment(verdict="rejected")).value)
    with pytest.raises(msgspec.ValidationError):
        put(config, "t", AssessmentPlace("p", "e1"), {"assessment": {"verdict": "perhaps"}})
    assert list(view.of("t").of_problem("p")) == ["e2"]


def test_a_record_is_stored_and_read_whole_and_nothing_where_nothing_is_to_be_remembered() -> None:
    record = AssessmentRecord(assessment=Assessment(verdict="rejected", note="n", at=5, by="ann", kind="flag"), uses={"7": KeyUse(8, 9)})
    assert record.value is not None
    assert assessment_record(msgspec.json.decode(msgspec.json.encode(record.value))) == record
    assert AssessmentRecord().value is None
