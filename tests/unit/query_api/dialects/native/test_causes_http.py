"""The ranking of causes over HTTP, asked as the shell asks it, on the memory twins."""

import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.causes.candidates import select_candidates
from causeline.query_api.causes.facts import MOST_ENTITIES, MOST_TEXT
from causeline.query_api.causes.kinds import LOOKBACKS
from causeline.query_api.dialects.native import causes_http
from causeline.query_api.questions.query import ChangeRate, RateQuery
from causeline.query_api.reading.cause_past import MOST_CHANGES, MOST_NAMES, facts_of
from causeline.query_api.reading.cause_rules import CauseRules
from causeline.query_api.reading.causes import NO_RULES, CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.file_index import MOST_FILES
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values import ids
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid, NotFound
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.web.principal import Groups
from tests.cause_rows import DAY, HOUR, MINUTE, NOW, ONSET, PROBLEM_ID, event, problem

PATH = "/v1/problems/{id}/causes"


class Api:
    def __init__(
        self,
        *rows: Event | Problem,
        services: tuple[Service, ...] = (),
        store: MemoryEventStore | None = None,
        rules: CauseRules = NO_RULES,
    ) -> None:
        self.store = store or MemoryEventStore()
        for row in rows:
            self.store.put_event(row) if isinstance(row, Event) else self.store.put_problem(row)
        reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: 0.0))

        async def topology(_: str) -> Topology:
            return Topology(services)

        self._handler, self._of_onset = (route.handler for route in causes_http.routes(reader, CauseReader(reader, topology, rules=rules)))

    async def onset(self, *pairs: tuple[str, str], tenant: str = "acme", groups: Groups = None) -> Any:
        request = HttpRequest("GET", "/v1/causes", {}, urlencode(pairs), {}, b"", tenant, NOW, groups=groups)
        result = await self._of_onset(request)
        assert result.status == 200
        return msgspec.json.decode(result.body)

    async def get(self, *pairs: tuple[str, str], tenant: str = "acme", groups: Groups = None, id: str = PROBLEM_ID) -> Any:  # noqa: A002
        request = HttpRequest("GET", PATH, {"id": id}, urlencode(pairs), {}, b"", tenant, NOW, groups=groups)
        result = await self._handler(request)
        assert result.status == 200
        return msgspec.json.decode(result.body)


async def test_the_change_that_did_it_stands_first_with_reasons_that_add_up() -> None:
    culprit = event(1, 8 * MINUTE, title="Deploy shop 2", end=ONSET - 5 * MINUTE, environment="production")
    others = [event(n, n * MINUTE, service=f"other-{n}", environment="staging") for n in range(20, 40)]
    past = [event(100 + n, n * DAY, service="shop") for n in range(2, 20, 4)]
    answer = await Api(problem(environment="production"), culprit, *others, *past).get()
    first = answer["causes"][0]
    assert (first["event"]["id"], first["relation"], first["offset_seconds"]) == (culprit.id, "same_service", -480.0)
    assert answer["candidates"] == 21
    for cause in answer["causes"]:
        assert sum(reason["contribution"] for reason in cause["reasons"]) == pytest.approx(cause["score"], abs=0.001)
    assert answer["problem"]["id"] == PROBLEM_ID
    assert answer["provisional"]
    assert not answer["truncated"]


async def test_a_change_of_what_the_service_depends_on_is_told_as_such_also_by_another_name() -> None:
    services = (Service(name="shop", depends_on=("payments",)), Service(name="payments", aliases=("payments-svc",)))
    dependency, stranger = event(1, 10 * MINUTE, service="payments-svc"), event(2, 10 * MINUTE, service="search")
    answer = await Api(problem(), stranger, dependency, services=services).get()
    assert [(cause["event"]["id"], cause["relation"]) for cause in answer["causes"]] == [
        (dependency.id, "dependency"),
        (stranger.id, "other"),
    ]


def sent(*files: str, **members: Any) -> str:
    return json.dumps({"kind": "deployment", "title": "t", "files": files, **members})


SHOP = (
    Service(name="shop", depends_on=("payments",), repo="acme/shop", paths=("apps/shop/**", "!**/*.md")),
    Service(name="payments", repo="acme/shop", paths=("apps/payments/**",)),
    Service(name="search", paths=("apps/search/**",)),
)


async def test_a_change_that_names_files_and_no_service_is_of_the_service_whose_files_they_are() -> None:
    own = event(1, 10 * MINUTE, service="", raw=sent("README.md", "apps/shop/README.md", "apps/shop/a.py", "apps/shop/b.py"))
    elsewhere = event(2, 10 * MINUTE, service="", repo="acme/other", raw=sent("apps/shop/a.py"))
    dependency = event(3, 10 * MINUTE, service="", raw=sent("apps/search/x", "apps/payments/y"))
    named = event(4, 10 * MINUTE, service="search", raw=sent("apps/shop/a.py"))
    nobodys = event(5, 10 * MINUTE, service="", raw=sent("docs/a.md"))
    foreign = event(6, 10 * MINUTE, service="", dialect="cto_ai", raw=sent("apps/shop/a.py"))
    answer = await Api(problem(), own, elsewhere, dependency, named, nobodys, foreign, services=SHOP).get()
    relations = {cause["event"]["id"]: cause["relation"] for cause in answer["causes"]}
    assert [relations[one.id] for one in (own, dependency, named)] == ["same_service", "dependency", "other"]
    assert {relations[one.id] for one in (elsewhere, nobodys, foreign)} == {"unscoped"}
    texts = {cause["event"]["id"]: [reason["text"] for reason in cause["reasons"]] for cause in answer["causes"]}
    assert "changed files of shop: apps/shop/a.py and 1 more" in texts[own.id]
    assert "changed files of payments, which shop calls: apps/payments/y" in texts[dependency.id]
    assert next(cause for cause in answer["causes"] if cause["event"]["id"] == own.id)["event"]["service"] == ""
    by_name = await Api(problem(), event(1, 10 * MINUTE, service="shop"), services=SHOP).get()
    by_files = await Api(problem(), own, services=SHOP).get()
    scopes = [
        reason["contribution"] for one in (by_name, by_files) for reason in one["causes"][0]["reasons"] if reason["feature"] == "scope"
    ]
    assert scopes[0] == scopes[1] > 0


@pytest.mark.parametrize("raw", ["", "[]", "7", '{"files": "apps/shop/a.py"}', '{"files": [1]}', '{"files": null}', '{"files": []}'])
async def test_what_is_no_list_of_files_gives_no_service(raw: str) -> None:
    (cause,) = (await Api(problem(), event(1, 10 * MINUTE, service="", raw=raw), services=SHOP).get())["causes"]
    assert cause["relation"] == "unscoped"


async def test_of_many_files_the_first_are_looked_at_and_the_reason_says_so() -> None:
    change = event(1, 10 * MINUTE, service="", raw=sent(*(f"apps/shop/{n}" for n in range(MOST_FILES + 1))))
    (cause,) = (await Api(problem(), change, services=SHOP).get())["causes"]
    (text,) = [reason["text"] for reason in cause["reasons"] if reason["feature"] == "scope"]
    assert text == "changed files of shop: apps/shop/0 and 999 more, of its first 1,000 files"


class Asked(MemoryEventStore):
    """A store that remembers which rates it was asked for."""

    rates_asked: list[RateQuery]

    async def rates(self, query: RateQuery) -> list[ChangeRate]:
        self.rates_asked = [query]
        return await super().rates(query)


async def test_however_large_the_graph_is_the_store_is_asked_about_few_names() -> None:
    names = [f"svc-{n}" for n in range(300)]
    services = (
        Service(name="shop", depends_on=tuple(names), aliases=tuple(f"shop-{n}" for n in range(1_000))),
        *(Service(name=name, depends_on=tuple(names), aliases=tuple(f"{name}-{n}" for n in range(100))) for name in names),
    )
    store = Asked()
    past = [problem(id=ids.uuid7(ONSET - n * HOUR, n.to_bytes(10)), start=ONSET - n * HOUR, correlation_id=f"c{n}") for n in range(1, 200)]
    answer = await Api(problem(), event(1, 10 * MINUTE), *past, services=services, store=store).get()
    assert answer["causes"][0]["relation"] == "same_service"
    (query,) = store.rates_asked
    assert len(query.services) == MOST_NAMES
    assert "shop" in query.services
    assert len(query.problems) == 2_000


async def test_probabilities_of_all_candidates_and_of_none_sum_to_one_whatever_is_shown() -> None:
    api = Api(problem(), *(event(n, n * MINUTE) for n in range(1, 30)))
    whole = await api.get(("limit", "100"))
    assert sum(cause["probability"] for cause in whole["causes"]) + whole["none_probability"] == pytest.approx(1, abs=0.01)
    cut = await api.get(("limit", "3"))
    assert cut["causes"] == whole["causes"][:3]
    assert cut["candidates"] == 29
    assert len((await api.get())["causes"]) == 10


async def test_without_any_change_the_verdict_is_unknown_and_with_reports_of_before_it_is_none() -> None:
    assert (await Api(problem()).get())["verdict"] == "unknown"
    reported = await Api(problem(), event(1, 5 * DAY)).get()
    assert (reported["verdict"], reported["none_probability"], reported["causes"]) == ("none", 1.0, [])


async def test_a_kind_is_looked_for_as_long_as_it_may_work_or_as_long_as_is_asked() -> None:
    rows = [event(1, 5 * HOUR), event(2, 20 * HOUR, kind="config_change"), event(3, 60 * HOUR, kind="migration")]
    api = Api(problem(), *rows, event(4, MINUTE, kind="build"), event(5, MINUTE, kind="ticket"))
    kinds = {cause["event"]["kind"] for cause in (await api.get())["causes"]}
    assert kinds == {"config_change", "migration"}
    assert (await api.get(("before", "6h")))["candidates"] == 1
    assert (await api.get(("before", "30d")))["candidates"] == 3


async def test_an_answer_says_which_kinds_it_looked_for_so_that_a_missing_event_is_understood() -> None:
    rows: list[Event | Problem] = [problem(), event(1, MINUTE, kind="info"), event(2, MINUTE, kind="schema_change")]
    answer = await Api(*rows).get()
    assert answer["candidates"] == 0
    assert answer["kinds"] == sorted(LOOKBACKS)
    told = await Api(*rows, rules=CauseRules(kinds={"acme": frozenset({"schema_change"}), "other": frozenset({"info"})})).get()
    assert {cause["event"]["kind"] for cause in told["causes"]} == {"schema_change"}
    assert told["kinds"] == sorted({*LOOKBACKS, "schema_change"})


async def test_the_rollback_of_a_custom_change_says_what_the_rollback_of_any_change_says() -> None:
    rules = CauseRules(kinds={"acme": frozenset({"schema_change"})})
    end = ONSET + 5 * MINUTE
    closed = problem(state="closed", transition="closed", at=end, end=end)
    culprit = event(1, 10 * MINUTE, kind="schema_change")
    back = event(2, -4 * MINUTE, kind="schema_change", related_id=culprit.id, title="Rollback")
    answer = await Api(closed, culprit, back, rules=rules).get()
    assert next((cause["event"]["id"], cause["feedback"]) for cause in answer["causes"]) == (culprit.id, "implied")


async def test_a_change_that_began_long_after_the_onset_is_no_candidate() -> None:
    answer = await Api(problem(), event(1, -3 * MINUTE), event(2, -MINUTE)).get()
    assert [cause["offset_seconds"] for cause in answer["causes"]] == [60.0]


async def test_more_changes_than_are_ranked_are_cut_and_the_answer_says_so() -> None:
    rows = [event(n, 1_000 + n, service="far") for n in range(MOST_CHANGES)]
    answer = await Api(problem(), *rows, event(MOST_CHANGES, 3 * HOUR)).get()
    assert answer["truncated"]
    assert answer["candidates"] == MOST_CHANGES
    assert "same_service" in {cause["relation"] for cause in answer["causes"]}  # the closest ones are kept, also where they are far in time


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("limit", "0"), "from 1 to 100"),
        (("limit", "101"), "from 1 to 100"),
        (("before", "soon"), "before"),
        (("before", "31d"), "more than 30 days"),
        (("after", "1h"), "is not a parameter"),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_named(pair: tuple[str, str], words: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await Api(problem()).get(pair)
    text = str(refusal.value)
    assert pair[0] in text
    assert words in text


async def test_a_problem_that_is_not_there_or_anothers_is_404() -> None:
    api = Api(problem())
    for tenant, problem_id in (("acme", ids.uuid7(NOW, bytes(10))), ("other", PROBLEM_ID)):
        with pytest.raises(NotFound):
            await api.get(tenant=tenant, id=problem_id)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-MINUTE, 40 * HOUR),
            st.sampled_from(["deployment", "config_change", "migration", "build"]),
            st.sampled_from(["shop", "cart", ""]),
            st.lists(st.sampled_from(["sre", "dev"]), max_size=2, unique=True),
            st.sampled_from(["Deploy 1", "rollback of 1", "checkout flag"]),
        ),
        max_size=12,
    ),
    groups=st.sampled_from([(), ("sre",), ("dev",), ("sre", "dev")]),
)
async def test_what_a_caller_may_not_see_is_as_if_it_never_was(rows: list[tuple[Any, ...]], groups: tuple[str, ...]) -> None:
    events = [
        event(number, before, kind=kind, service=service, allowed_groups=allowed, title=title, tags={"region": "eu"})
        for number, (before, kind, service, allowed, title) in enumerate(rows)
    ]
    visible = [row for row in events if not row.allowed_groups or set(row.allowed_groups) & set(groups)]
    assert await Api(problem(), *events).get(groups=groups) == await Api(problem(), *visible).get()


AT_ONSET = ("at", rfc3339(ONSET))
ROWS = st.lists(
    st.tuples(
        st.integers(-MINUTE, 40 * HOUR),
        st.sampled_from(["deployment", "config_change", "build"]),
        st.sampled_from(["shop", "shop-svc", "payments", "cart", ""]),
        st.sampled_from(["production", ""]),
        st.lists(st.sampled_from(["sre", "dev"]), max_size=2, unique=True),
    ),
    max_size=12,
)


@given(rows=ROWS, groups=st.sampled_from([None, (), ("sre",)]), before=st.sampled_from(["", "1h", "2d"]))
async def test_an_onset_is_ranked_as_a_problem_that_says_no_more(rows: list[tuple[Any, ...]], groups: Groups, before: str) -> None:
    services = (Service(name="shop", depends_on=("payments",), aliases=("shop-svc",)),)
    events = [
        event(number, distance, kind=kind, service=service, environment=environment, allowed_groups=allowed)
        for number, (distance, kind, service, environment, allowed) in enumerate(rows)
    ]
    past = [problem(id=ids.uuid7(ONSET - n * HOUR, b"0123456789"), start=ONSET - n * HOUR, correlation_id=f"{n}") for n in (3, 30)]
    silent = problem(title="", environment="production", event_id="", ingest_ts=NOW)
    pairs = [("before", before)] if before else []
    of_problem = await Api(silent, *past, *events, services=services).get(*pairs, groups=groups)
    of_onset = await Api(*past, *events, services=services).onset(
        ("service", "shop-svc"), ("environment", "production"), AT_ONSET, *pairs, groups=groups
    )
    about = {name: of_onset.pop(name) for name in ("service", "environment", "at", "as_of")}
    assert about == {"service": "shop", "environment": "production", "at": rfc3339(ONSET), "as_of": rfc3339(NOW)}
    assert of_onset == {name: of_problem[name] for name in of_onset}
    assert set(of_problem) - set(of_onset) <= {"problem", "revision", "as_of"}


async def test_an_onset_is_now_unless_another_moment_is_named_and_tenants_are_apart() -> None:
    api = Api(event(1, 5 * MINUTE), event(2, -8 * MINUTE))
    answer = await api.onset(("service", "shop"), ("limit", "1"))
    assert (answer["at"], answer["candidates"], len(answer["causes"])) == (rfc3339(NOW), 2, 1)
    assert (await api.onset(("service", "shop"), AT_ONSET))["candidates"] == 1
    assert (await api.onset(("service", "shop"), tenant="other"))["candidates"] == 0


@given(groups=st.sampled_from([(), ("sre",), ("dev",)]), rows=ROWS)
async def test_an_onset_shows_nothing_of_what_a_caller_may_not_see(groups: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    events = [event(n, row[0], kind=row[1], service=row[2], allowed_groups=row[4]) for n, row in enumerate(rows)]
    visible = [row for row in events if not row.allowed_groups or set(row.allowed_groups) & set(groups)]
    question = (("service", "shop"), AT_ONSET)
    assert await Api(*events).onset(*question, groups=groups) == await Api(*visible).onset(*question, groups=groups)


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ([], "service"),
        ([("service", " ")], "service"),
        ([("service", "shop"), ("at", "now+1m")], "at"),
        ([("service", "shop"), ("at", "soon")], "at"),
        ([("service", "shop"), ("before", "31d")], "before"),
        ([("service", "shop"), ("limit", "101")], "limit"),
        ([("service", "shop"), ("service", "pay")], "service"),
        ([("service", "shop"), ("entity", "HOST-1")], "entity"),
    ],
)
async def test_what_is_wrong_with_an_onset_is_named(pairs: list[tuple[str, str]], name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await Api().onset(*pairs)
    assert [field for field, _ in refusal.value.fields] == [name]


async def test_what_is_long_is_cut_before_it_is_looked_at() -> None:
    words = " ".join(f"word{n}" for n in range(200_000))
    entities = [f"HOST-{n}" for n in range(10_000)]
    rows = [event(n, n * MINUTE, text=words, title=words, entities=entities, service="") for n in range(1, 30)]
    answer = await Api(problem(text=words, entities=entities), *rows).get()
    assert {cause["relation"] for cause in answer["causes"]} == {"same_entity"}
    facts = facts_of(problem(text=words, title=words, entities=entities), Topology())
    assert (len(facts.text), len(facts.title), len(facts.entities)) == (MOST_TEXT, MOST_TEXT, MOST_ENTITIES)
    (candidate,) = select_candidates(facts, rows[:1])
    assert (len(candidate.text), len(candidate.title), len(candidate.entities)) == (MOST_TEXT, MOST_TEXT, MOST_ENTITIES)
