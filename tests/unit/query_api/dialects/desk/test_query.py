import base64

import pytest

from causeline.query_api.dialects.desk.parameters import ListQuery, cursor_of, list_query, list_question
from causeline.query_api.questions.query import Edges, EventPosition
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.web.errors import Invalid
from tests.desk_samples import DAY, MINUTE, NOW

HOUR = 60 * MINUTE
WINDOWS = {
    "min": MINUTE,
    "5mins": 5 * MINUTE,
    "10mins": 10 * MINUTE,
    "15mins": 15 * MINUTE,
    "30mins": 30 * MINUTE,
    "hour": HOUR,
    "2hours": 2 * HOUR,
    "6hours": 6 * HOUR,
    "day": DAY,
    "3days": 3 * DAY,
    "week": 7 * DAY,
    "month": 30 * DAY,
}


def asked(**parameters: str) -> ListQuery:
    return list_query([(name.rstrip("_"), value) for name, value in parameters.items()], NOW)


def refused(**parameters: str) -> list[str]:
    """Return the parameters that a refusal names."""
    with pytest.raises(Invalid, match=r"^Constraints violated\.$") as error:
        asked(**parameters)
    assert error.value.where == "QUERY"
    return [field.field for field in error.value.fields]


def test_without_parameters_the_window_is_the_last_thirty_days() -> None:
    assert asked() == ListQuery(NOW - 30 * DAY, NOW, NOW, NOW)


@pytest.mark.parametrize(("name", "length"), WINDOWS.items())
def test_a_relative_time_ends_now(name: str, length: int) -> None:
    query = asked(relativeTime=name)
    assert (query.from_ms, query.to_ms) == (NOW - length, NOW)


def test_explicit_ends_of_the_window_win_over_the_relative_time() -> None:
    query = asked(relativeTime="hour", from_=str(NOW - 5), to=str(NOW - 1))
    assert (query.from_ms, query.to_ms) == (NOW - 5, NOW - 1)
    query = asked(relativeTime="hour", from_=str(NOW - 5))
    assert (query.from_ms, query.to_ms) == (NOW - 5, NOW)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"relativeTime": "year"}, ["relativeTime"]),
        ({"relativeTime": "HOUR"}, ["relativeTime"]),
        ({"from_": "abc"}, ["from"]),
        ({"from_": "1.5"}, ["from"]),
        ({"to": "9223372036854775808"}, ["to"]),
        ({"to": "1" * 5000}, ["to"]),
        ({"from_": str(NOW + 1)}, ["from"]),
        ({"from_": "6", "to": "5"}, ["from"]),
        ({"from_": "0", "to": str(VOCABULARY.max_window_ms + 1)}, ["from"]),
        ({"eventType": "custom_info"}, ["eventType"]),
        ({"eventType": "NOTHING"}, ["eventType"]),
        ({"from_": "x", "to": "y", "relativeTime": "z", "eventType": "q"}, ["relativeTime", "from", "to", "eventType"]),
        ({"cursor": "x"}, ["cursor"]),
    ],
)
def test_a_broken_parameter_is_named(parameters: dict[str, str], named: list[str]) -> None:
    assert refused(**parameters) == named


def test_the_longest_window_is_two_years() -> None:
    assert asked(from_="0", to=str(VOCABULARY.max_window_ms)).to_ms == VOCABULARY.max_window_ms


def test_of_a_repeated_parameter_the_first_counts_and_blank_or_unknown_ones_do_not() -> None:
    parameters = [("entityId", ""), ("entityId", "A"), ("entityId", "B"), ("nonsense", "1"), ("from", ""), ("api-token", "secret")]
    assert list_query(parameters, NOW) == ListQuery(NOW - 30 * DAY, NOW, NOW, NOW, "", "A")


@pytest.mark.parametrize("event_type", sorted(VOCABULARY.queried_event_types))
def test_every_known_event_type_may_be_asked_for(event_type: str) -> None:
    question = list_question(asked(eventType=event_type), "t")
    assert (question is not None) == (event_type in VOCABULARY.event_types)


def test_event_types_are_told_apart_by_kind_and_severity() -> None:
    wheres = [list_question(asked(eventType=name), "t") for name in VOCABULARY.event_types]
    pairs = [(question.where.kinds, question.where.severities) for question in wheres if question]
    assert len(set(pairs)) == len(VOCABULARY.event_types)
    assert all(len(kinds) == 1 for kinds, _ in pairs)


def test_the_question_is_about_events_of_this_api_and_tenant_at_either_edge() -> None:
    question = list_question(asked(entityId="HOST-1", from_="-5", to="7"), "t")
    assert question is not None
    assert (question.where.tenant, question.where.dialects, question.where.entities) == ("t", ("desk",), ("HOST-1",))
    assert question.edges == Edges(0, 7, NOW)
    assert (question.page.limit, question.page.order, question.page.after) == (151, "desc", None)


@pytest.mark.parametrize("event_type", ["", "ERROR_EVENT"])
def test_a_problem_may_have_started_long_before_the_window_in_which_it_ended(event_type: str) -> None:
    question = list_question(asked(eventType=event_type), "t")
    assert question is not None
    assert question.where.from_ms is None


def test_the_largest_integers_ask_within_what_the_store_knows() -> None:
    largest = str(2**63 - 1)
    question = list_question(asked(from_=largest, to=largest), "t")
    assert question is not None
    assert question.edges.to_ms < 2**44


QUERY = ListQuery(1, 2, NOW, 2, "CUSTOM_INFO", "HOST-é").after(EventPosition(2, "018bcfe5-6800-7000-8000-00000000ffff"), 301)


def test_a_cursor_alone_reproduces_the_question() -> None:
    cursor = cursor_of(QUERY)
    assert asked(cursor=cursor) == QUERY
    assert asked(cursor=cursor, eventType="nonsense", from_="x", relativeTime="y") == QUERY
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_may_come_padded() -> None:
    cursor = cursor_of(QUERY)
    assert asked(cursor=cursor + "=" * (-len(cursor) % 4)) == QUERY


def test_a_cursor_that_lost_or_changed_a_character_is_refused() -> None:
    cursor = cursor_of(QUERY)
    for at in range(len(cursor)):
        other = "A" if cursor[at] != "A" else "B"
        changed = cursor[:at] + other + cursor[at + 1 :]
        if base64.urlsafe_b64decode(changed + "==") != base64.urlsafe_b64decode(cursor + "=="):
            assert refused(cursor=changed) == ["cursor"]
        assert refused(cursor=cursor[:at] + cursor[at + 1 :]) == ["cursor"]


@pytest.mark.parametrize("cursor", ["é", "a b", "++//", "AAAA", "A" * 10_000, "\x00"])
def test_nonsense_is_no_cursor(cursor: str) -> None:
    assert refused(cursor=cursor) == ["cursor"]
