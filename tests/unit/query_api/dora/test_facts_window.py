"""What lies outside the facts that a window asks for says nothing of it."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.query_api.dora.dora_answers import metrics
from causeline.query_api.dora.facts_window import FACTS_LOOKBACK, FOLLOW_UP, facts_window
from causeline.schemas.dora.definition import Attribution, Definition
from tests.unit.query_api.dora.dora_samples import DAY, DEFAULTS, HOUR, NAIVE, T0
from tests.unit.query_api.dora.test_dora_laws import WINDOW, Facts, all_facts, change_facts, problem_facts


def test_it_reaches_back_for_what_was_before_and_on_for_what_came_of_it() -> None:
    needs = facts_window(WINDOW, DEFAULTS)
    assert needs.changes == (WINDOW.start - FACTS_LOOKBACK, WINDOW.end + FOLLOW_UP)
    assert needs.problems == (WINDOW.start - 6 * HOUR, WINDOW.end + DAY)
    assert needs.commits == (WINDOW.start - FACTS_LOOKBACK, WINDOW.end)


def test_without_a_bound_of_attribution_it_has_no_end() -> None:
    needs = facts_window(WINDOW, NAIVE)
    assert (needs.changes.end, needs.problems.end) == (None, None)


@pytest.mark.parametrize("reach", [0, DAY, 40 * DAY])
def test_what_may_roll_back_a_deployment_of_the_window_is_needed(reach: int) -> None:
    needs = facts_window(WINDOW, Definition(attribution=Attribution(window=reach)))
    assert needs.changes.end is not None
    assert needs.changes.end > WINDOW.end + reach


def moved(facts: Facts, by: int) -> Facts:
    """Return other facts of the same services, of other ids, all times moved."""
    return msgspec.structs.replace(
        facts,
        changes=[
            msgspec.structs.replace(each, id=f"later-{each.id}", ts=each.ts + by, end=None, related_id="", tags={}, kind="deployment")
            for each in facts.changes
        ],
        problems=[
            msgspec.structs.replace(each, id=f"later-{each.id}", opened=each.opened + by, closed=None, confirmations=())
            for each in facts.problems
        ],
    )


@settings(max_examples=30)
@given(all_facts(), st.lists(change_facts("z"), max_size=1), st.lists(problem_facts("z"), max_size=2), st.sampled_from([DAY, 2 * HOUR]))
def test_what_comes_after_it_changes_only_recovery(facts: Facts, changes: list, problems: list, reach: int) -> None:  # type: ignore[type-arg]
    definition = msgspec.structs.replace(facts.definition, attribution=Attribution(rule=facts.definition.attribution.rule, window=reach))
    end = facts_window(WINDOW, definition).changes.end
    assert end is not None
    # Of one kind: of which kind a service's deployments are is read from the facts that are needed, and no others.
    deployments = [msgspec.structs.replace(each, kind="deployment") for each in facts.changes if (each.end or each.ts) < WINDOW.end]
    inside = msgspec.structs.replace(facts, changes=deployments)
    later = moved(msgspec.structs.replace(facts, changes=changes, problems=problems), end - T0 + DAY)
    sources = [*inside.problems, *later.problems]
    before = metrics(WINDOW, inside.history(definition=definition), definition)
    after = metrics(WINDOW, inside.history(changes=[*inside.changes, *later.changes], problems=sources, definition=definition), definition)
    for name in ("deployment_frequency", "change_lead_time", "deployment_rework_rate"):
        assert getattr(after, name) == getattr(before, name)
    assert after.change_fail_rate.numerator == before.change_fail_rate.numerator
    assert after.time_to_restore.n == before.time_to_restore.n
