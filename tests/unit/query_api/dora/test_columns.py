"""Columns of histories: their order, medians and parts, and what is large or rolled back among events that are plain."""

from statistics import median
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.dora.columns.arrays import code, median_of, numbers, order_of
from causeline.query_api.dora.columns.commit_columns import LeadColumns
from causeline.query_api.dora.columns.history_columns import take_columns
from causeline.query_api.dora.dora_answers import group_by, metrics, series
from causeline.query_api.dora.dora_facts import ChangeFact, ProblemFact
from causeline.query_api.dora.history import take_history
from causeline.query_api.dora.windows import ZonedWindow
from causeline.schemas.dora.definition import Definition
from tests.unit.query_api.dora.dora_samples import DAY, DEFAULTS, HOUR, NAIVE, T0, change, listed, problem

WINDOW: Final = ZonedWindow(T0, T0 + 60 * DAY, "Europe/Berlin")
FLEET: Final = [
    change(f"{service}-{n}", T0 + n * HOUR, service=service, release=f"1.{n}", team=service[:1], commits=listed(**{f"c{n}": T0 - n}))
    for service in ("cart", "checkout", "search")
    for n in range(1, 9)
]
"""Each a rollout by itself."""
NINE: Final = T0 + 9 * HOUR


@given(st.lists(st.integers(-(2**40), 2**40), max_size=30))
def test_a_median_of_columns_is_that_of_statistics(values: list[int]) -> None:
    assert median_of(numbers(values)) == (median(values) if values else None)


@given(st.lists(st.tuples(st.integers(0, 3), st.text("ab", max_size=2)), max_size=20, unique=True))
def test_columns_are_in_order_of_end_and_id(pairs: list[tuple[int, str]]) -> None:
    order = order_of(numbers(end for end, _ in pairs), [id_ for _, id_ in pairs])
    assert [pairs[k] for k in order.tolist()] == sorted(pairs)


@given(st.lists(st.text("abc", max_size=2), max_size=20))
def test_texts_have_one_number_each(texts: list[str]) -> None:
    own = code(texts)
    assert [own.names[number] for number in own.codes.tolist()] == texts
    assert len(own.names) == len(set(texts))
    with pytest.raises(KeyError):
        own.by_text["unheard of"]


@given(st.lists(st.lists(st.integers(-1, 9), max_size=3), min_size=1, max_size=6), st.data())
def test_parts_keep_the_lead_times_of_their_deployments(lists: list[list[int]], data: st.DataObject) -> None:
    sizes = [len(each) for each in lists]
    leads = LeadColumns(np.concatenate(([0], np.cumsum(sizes))), numbers(value for each in lists for value in each))
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=6))
    assert leads.take(numbers(rows)).own.tolist() == [value for row in rows for value in lists[row]]
    low = data.draw(st.integers(0, len(lists)))
    high = data.draw(st.integers(low, len(lists)))
    assert leads.cut(low, high).own.tolist() == [value for each in lists[low:high] for value in each]


@pytest.mark.parametrize("definition", [DEFAULTS, NAIVE], ids=["causes", "latest"])
@pytest.mark.parametrize(
    ("changes", "problems", "why"),
    [
        ([], [], "nothing but what is one event"),
        ([change("again", T0 + 5 * HOUR + 1, service="cart", release="1.5", status="failed")], [], "a late failure, and what came next"),
        ([change("back", NINE, service="cart", related_id="cart-8", tags={"rollback": "true"})], [], "what is rolled back is one event"),
        ([change("old", NINE, service="cart", release="1.3")], [], "going back to a version"),
        (
            [change("where", NINE, service="cart", environment="")],
            [problem("p", T0 + 4 * HOUR, service="cart", environment="")],
            "a problem of every environment, beside a place that nobody knows",
        ),
        ([], [problem("p", T0 + 3 * HOUR, NINE, service="cart", likely_cause="search-2")], "a cause in another service"),
        ([], [problem("p", T0 + 3 * HOUR, service="cart", rejections=frozenset({"cart-3", "cart-2"}))], "the one before the rejected"),
        (
            [change("fix", NINE, service="cart", branch="hotfix/1", release="2")],
            [problem("p", NINE - 1, NINE + HOUR, service="cart", likely_cause="cart-8")],
            "rework while a problem was open",
        ),
    ],
)
def test_columns_sum_to_what_is_taken_apart(
    changes: list[ChangeFact], problems: list[ProblemFact], why: str, definition: Definition
) -> None:
    facts = [*FLEET, *changes]
    history, columns = take_history(facts, (), problems, definition), take_columns(facts, (), problems, definition)
    assert columns.sources == history.sources, why
    assert metrics(WINDOW, columns, definition) == metrics(WINDOW, history, definition), why
    assert series(WINDOW, "day", columns, definition) == series(WINDOW, "day", history, definition), why
    assert group_by(WINDOW, "team", columns, definition) == group_by(WINDOW, "team", history, definition), why


def test_nothing_at_all_has_columns_too() -> None:
    columns, history = take_columns((), (), (), DEFAULTS), take_history((), (), (), DEFAULTS)
    assert metrics(WINDOW, columns, DEFAULTS) == metrics(WINDOW, history, DEFAULTS)
    assert group_by(WINDOW, "service", columns, DEFAULTS) == []
