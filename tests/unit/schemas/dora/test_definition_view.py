"""The fold of definitions: the same numbers on every server, whatever was written at the same moment, and nothing lost."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.dora import view as views
from causeline.schemas.dora.definition import Attribution, Definition
from causeline.schemas.dora.record import DefinitionRecord, Use, definition_key
from causeline.schemas.dora.view import NO_ROOM, DefinitionView, TenantDefinitions
from causeline.schemas.dora.views import definition_view, window_text
from causeline.schemas.records.config import DEFINITIONS, ConfigView, config_record
from causeline.schemas.values.durations import duration_ms

HOUR = 3_600_000
DEFINITIONS_SAID = st.sampled_from([Definition(), Definition(tz="Europe/Berlin"), Definition(production=("live",), timeouts="count")])
USES = st.none() | st.builds(Use, name=st.sampled_from("ab"), fingerprint=st.integers(1, 2), at=st.integers(0, 9), known_ms=st.just(5))
RECORDS = st.builds(DefinitionRecord, definition=DEFINITIONS_SAID | st.none(), version=st.just(1), at=st.integers(0, 9), use=USES)
LOGS = st.lists(st.tuples(st.sampled_from(["t", "u"]), RECORDS), max_size=12)


def followed(log: list[tuple[str, DefinitionRecord]], *, twice: bool = False) -> DefinitionView:
    config = ConfigView()
    view = DefinitionView(config)
    for _ in range(1 + twice):
        for number, (tenant, record) in enumerate(log):
            config.apply(config_record(DEFINITIONS, definition_key(tenant, str(number)), record.value, 0))
    return view


def seen(view: DefinitionView, tenant: str) -> tuple[list[Definition], dict[str, int]]:
    return view.of(tenant).versions, view.of(tenant).outcomes


@given(LOGS)
def test_who_follows_who_comes_later_and_who_reads_again_see_the_same_versions(log: list[tuple[str, DefinitionRecord]]) -> None:
    config = ConfigView()
    for number, (tenant, record) in enumerate(log):
        config.apply(config_record(DEFINITIONS, definition_key(tenant, str(number)), record.value, 0))
    for tenant in "tu":
        expected = seen(followed(log), tenant)
        assert seen(DefinitionView(config), tenant) == expected
        assert seen(followed(log, twice=True), tenant) == expected


@given(LOGS)
def test_versions_are_counted_from_one_each_says_something_else_than_the_one_before_and_none_changes(
    log: list[tuple[str, DefinitionRecord]],
) -> None:
    for tenant in "tu":
        before: list[Definition] = []
        for end in range(len(log) + 1):
            versions = seen(followed(log[:end]), tenant)[0]
            assert versions[: len(before)] == before
            assert [each.version for each in versions] == list(range(1, len(versions) + 1))
            assert all(not views.is_same(one, other) for one, other in pairwise(versions))
            before = list(versions)


@given(LOGS)
def test_a_record_without_a_key_is_the_version_that_says_what_it_says(log: list[tuple[str, DefinitionRecord]]) -> None:
    view = followed(log)
    for number, (tenant, record) in enumerate(log):
        if record.use is None and record.definition is not None:
            version = view.version(tenant, view.of(tenant).outcomes[str(number)])
            assert version is not None
            assert views.is_same(version, record.definition)


@given(LOGS)
def test_tenants_are_apart(log: list[tuple[str, DefinitionRecord]]) -> None:
    alone = [(tenant, record) for tenant, record in log if tenant == "t"]
    assert seen(followed(alone), "t")[0] == seen(followed(log), "t")[0]


def test_where_nothing_was_said_the_first_version_holds() -> None:
    view = DefinitionView(ConfigView())
    assert view.current("t") == Definition() == view.version("t", 1)
    assert [view.version("t", number) for number in (0, -1, 2)] == [None] * 3


def said(number: int, **more: object) -> DefinitionRecord:
    return DefinitionRecord(definition=Definition(attribution=Attribution(window=number)), **more)  # type: ignore[arg-type]


def test_what_a_key_said_before_makes_no_version_while_the_key_is_known() -> None:
    tenant = TenantDefinitions()
    for number, at in enumerate((0, HOUR - 1, HOUR)):
        tenant.take(str(number), said(number, at=at, use=Use(name="k", fingerprint=7, at=at, known_ms=HOUR)))
    assert tenant.outcomes == {"0": 2, "1": 2, "2": 3}


def test_beyond_the_bounds_no_version_is_made_and_the_same_goes_on_being_said(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = TenantDefinitions()
    for number in range(views.MAX_VERSIONS + 1):
        tenant.take(str(number), said(number))
    assert (len(tenant.versions), tenant.outcomes[str(views.MAX_VERSIONS)]) == (views.MAX_VERSIONS, NO_ROOM)
    tenant.take("again", said(views.MAX_VERSIONS - 2))
    assert tenant.outcomes["again"] == views.MAX_VERSIONS
    monkeypatch.setattr(views, "MAX_DEFINITION_BYTES", len(msgspec.json.encode(Definition())) + 100)
    small = TenantDefinitions()
    small.take("0", said(1))
    assert small.outcomes == {"0": NO_ROOM}


def test_a_key_alone_can_be_taken_away_and_a_version_cannot() -> None:
    tenant = TenantDefinitions()
    use = Use(name="k", fingerprint=1, at=0, known_ms=HOUR)
    tenant.take("0", DefinitionRecord(version=1, use=use))
    assert tenant.use("k", 1) is not None
    tenant.take("0", None)
    tenant.take("1", said(1))
    tenant.take("1", None)
    assert (tenant.use("k", 1), tenant.current.version, tenant.outcomes) == (None, 2, {"1": 2})


@given(st.integers(0, 400 * 24 * HOUR))
def test_a_window_is_shown_as_it_would_be_read(ms: int) -> None:
    assert duration_ms(window_text(ms)) == ms


def test_the_first_version_is_shown_as_the_text_says() -> None:
    assert msgspec.json.decode(msgspec.json.encode(definition_view(Definition()))) == {
        "version": 1,
        "production": ["production"],
        "aliases": {"production": ["prod", "prd", "live"]},
        "default_environment": "production",
        "attribution": {"rule": "causes", "window": "24h"},
        "hotfix": {"tags": ["hotfix"], "branches": ["hotfix/*", "hotfix-*"], "titles": ["*hotfix*"]},
        "timeouts": "exclude",
        "tz": "UTC",
    }
