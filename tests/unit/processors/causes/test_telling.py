"""Who hears of a ranking: the rules that follow causes, as the configuration holds them, and nobody of another tenant."""

from collections import defaultdict
from typing import Any, NamedTuple, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.processors.causes.telling import CauseTelling
from causeline.processors.events.subscription_lane import MAX_LISTED
from causeline.schemas.records.causes import CauseRevision, CauseVerdict
from causeline.schemas.records.config import HOOKS, SERVICES, SUBSCRIPTIONS, ConfigView, config_record
from causeline.schemas.records.delivery_work import Notification, decode_message
from causeline.schemas.subscriptions.matching import takes_causes
from causeline.schemas.subscriptions.rules import Filter, Rule, Subscription, Target, end_rule, hook_key
from causeline.schemas.topics import DELIVERIES
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests.revisions import T0, a_revision

PARTITIONS = 3
TENANTS = st.sampled_from(["acme", "other"])
WORD = st.sampled_from(["", "a", "b", "c"])
WORDS = st.lists(WORD, max_size=2).map(tuple)
VERDICTS = st.sampled_from(get_args(CauseVerdict))
FILTERS = st.builds(
    Filter,
    followed=st.sampled_from([("causes",), ("events", "causes"), ("events", "problems", "causes"), ("events", "problems"), ("problems",)]),
    **dict.fromkeys(("dialects", "kinds", "statuses", "services", "environments", "priorities", "projects", "entities"), WORDS),
    tags=st.lists(st.tuples(WORD, WORD), max_size=2).map(tuple),
    words=st.sampled_from(["", "", "a", "a b", "!"]),
    transitions=st.sampled_from([(), ("opened",)]),
    verdicts=st.lists(VERDICTS, max_size=2).map(tuple),
)
# Most filters of a fleet have one or two fields.
SPARSE = st.tuples(FILTERS, st.sets(st.sampled_from(Filter.__struct_fields__), max_size=2)).map(
    lambda drawn: Filter(followed=drawn[0].followed, **{name: getattr(drawn[0], name) for name in drawn[1] - {"followed"}})
)


class Setting(NamedTuple):
    """A key of the configuration is set, or taken away (None)."""

    kind: str
    key: str
    value: Any


def _subscription(drawn: tuple[str, Filter, str]) -> Subscription:
    tenant, where, state = drawn
    rule = Rule(id="", tenant=tenant, revision=1, state=state, where=where, created_at=T0)  # type: ignore[arg-type]
    return Subscription(rule=rule, target=Target(type="webhook"), updated_at=T0)


def _named(subscription: Subscription, name: str) -> Any:
    return msgspec.to_builtins(msgspec.structs.replace(subscription, rule=msgspec.structs.replace(subscription.rule, id=name)))


SUBSCRIBED = st.tuples(TENANTS, st.one_of(FILTERS, SPARSE, SPARSE), st.sampled_from(["active", "paused"])).map(_subscription)
NUMBERS = st.integers(min_value=0, max_value=3)
HOOK = st.tuples(SUBSCRIBED, NUMBERS).map(
    lambda drawn: Setting(HOOKS, hook_key(drawn[0].rule.tenant, str(drawn[1])), _named(drawn[0], f"{drawn[0].rule.tenant}-{drawn[1]}"))
)
SET = st.tuples(NUMBERS, TENANTS, st.lists(SUBSCRIBED, max_size=3)).map(
    lambda drawn: Setting(
        SUBSCRIPTIONS,
        f"{drawn[1]}/{drawn[0]}",
        {
            "hooks": [
                _named(msgspec.structs.replace(one, rule=msgspec.structs.replace(one.rule, tenant=drawn[1])), f"{drawn[1]}-{drawn[0]}.{n}")
                for n, one in enumerate(drawn[2])
            ]
        },
    )
)
TAKEN = st.tuples(st.sampled_from([HOOKS, SUBSCRIPTIONS]), TENANTS, NUMBERS).map(
    lambda drawn: Setting(drawn[0], f"{drawn[1]}/{drawn[2]}", None)
)
GONE = st.tuples(TENANTS, NUMBERS).map(
    lambda drawn: Setting(
        HOOKS,
        f"{drawn[0]}/{drawn[1]}",
        {"gone": [msgspec.to_builtins(end_rule(Rule(id=f"{drawn[0]}-{drawn[1]}", tenant=drawn[0], revision=1, created_at=T0), T0))]},
    )
)
BROKEN = st.tuples(TENANTS, NUMBERS).map(lambda drawn: Setting(HOOKS, f"{drawn[0]}/{drawn[1]}", {"rule": {"id": 1}}))
COLUMNS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(("dialect", "kind", "service", "environment", "priority", "title", "text"), WORD)
REVISIONS = st.fixed_dictionaries(
    COLUMNS
    | {
        "tenant": TENANTS,
        "id": st.sampled_from(["p1", "p2"]),
        "verdict": VERDICTS,
        "tags": st.dictionaries(WORD, WORD, max_size=2),
        "entities": st.lists(WORD, max_size=2),
        "is_news": st.sampled_from([True, True, False]),
        "is_deleted": st.sampled_from([False, False, False, True]),
    }
)
STEPS = st.lists(st.one_of(HOOK, HOOK, SET, TAKEN, GONE, BROKEN, REVISIONS, REVISIONS), max_size=30)


def notifications_of(telling: CauseTelling, revision: CauseRevision) -> list[Notification]:
    """The notifications of a revision, each on the partition of its subscriptions."""
    framed = codec.encode_record(revision)
    notifications = []
    for topic, partition, key, value in telling.tell(revision, framed):
        message = decode_message(value)
        assert isinstance(message, Notification)
        assert (topic, key) == (DELIVERIES, message.subscriptions[0].encode())
        assert {partition_of(own.encode(), PARTITIONS) for own in message.subscriptions} == {partition}
        assert (message.what, message.entity, message.version, message.record) == ("causes", revision.id, revision.revision, framed)
        assert (message.received, message.at) == (revision.computed_at, revision.computed_at)
        notifications.append(message)
    return notifications


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans())
def test_a_rule_hears_exactly_the_news_that_its_filter_takes_in_order(steps: list[Setting | dict[str, Any]], is_early: bool) -> None:  # noqa: FBT001
    view, telling = ConfigView(), CauseTelling(PARTITIONS)
    if is_early:
        telling.follow(view)
    rules: dict[tuple[str, str], list[Rule]] = {}
    heard: dict[str, list[tuple[str, int]]] = defaultdict(list)
    expected: dict[str, list[tuple[str, int]]] = defaultdict(list)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    revisions = [step for step in steps if not isinstance(step, Setting)]
    settings_first: list[Setting | dict[str, Any]] = [*(each for each in steps if isinstance(each, Setting)), *revisions]
    for step in steps if is_early else settings_first:
        if isinstance(step, Setting):
            view.apply(config_record(step.kind, step.key, step.value, T0))
            value = step.value or {}
            is_whole = "rule" in value and isinstance(value["rule"]["id"], str)
            held = [value] if is_whole else value.get("hooks", [])
            rules[step.kind, step.key] = [msgspec.convert(one, Subscription).rule for one in held]
            continue
        if not is_early and not counts:
            telling.follow(view)  # one that starts when the configuration is there
        place = step["tenant"], step["id"]
        counts[place] += 1
        revision = a_revision(**step, revision=counts[place])
        for message in notifications_of(telling, revision):
            for own in message.subscriptions:
                assert own.startswith(revision.tenant)
                heard[own].append((message.entity, message.version))
        for rule in (rule for several in rules.values() for rule in several):
            is_for_it = rule.tenant == step["tenant"] and step["is_news"] and not step["is_deleted"] and "causes" in rule.where.followed
            assert is_for_it or not takes_causes(rule, revision)
            if takes_causes(rule, revision):
                expected[rule.id].append((revision.id, revision.revision))
    assert heard == expected


def test_a_revision_that_is_told_again_is_the_same_bytes() -> None:
    telling = CauseTelling(PARTITIONS)
    telling.apply(HOOKS, "t/1", _named(_subscription(("t", Filter(followed=("causes",)), "active")), "one"))
    framed = codec.encode_record(a_revision())
    assert telling.tell(a_revision(), framed) == telling.tell(a_revision(), framed) != []


def test_no_notification_names_more_than_five_hundred() -> None:
    telling = CauseTelling(1)
    one = _subscription(("t", Filter(followed=("causes",)), "active"))
    telling.apply(SUBSCRIPTIONS, "t/p", {"hooks": [_named(one, f"s{n:04}") for n in range(2 * MAX_LISTED + 1)]})
    records = telling.tell(a_revision(), codec.encode_record(a_revision()))
    messages = [decode_message(record.value) for record in records]
    sizes = [len(message.subscriptions) for message in messages if isinstance(message, Notification)]
    assert sizes == [MAX_LISTED, MAX_LISTED, 1]


@pytest.mark.parametrize("kind", [HOOKS, SERVICES])
def test_a_rule_that_follows_no_causes_takes_no_memory(kind: str) -> None:
    telling = CauseTelling(PARTITIONS)
    telling.apply(kind, "t/1", _named(_subscription(("t", Filter(), "active")), "one"))
    assert len(telling) == 0
    assert telling.tell(a_revision(), b"") == []
