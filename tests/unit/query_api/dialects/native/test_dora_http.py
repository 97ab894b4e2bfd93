"""The DORA metrics over HTTP, on the golden fortnight: what is asked, what the answer says of itself, and that it can be taken apart."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pytest

from causeline.query_api.dialects.native import openapi
from causeline.query_api.dialects.native.dora_http import routes
from causeline.query_api.dora.columns.history_columns import HistoryColumns, take_columns
from causeline.query_api.dora.history import DoraHistory, take_history
from causeline.query_api.questions.dora import METRIC_NAMES
from causeline.query_api.reading.dora_parts import DoraParts
from causeline.query_api.reading.dora_question import DoraQuestion
from causeline.schemas.dora.definition import Attribution, Definition
from causeline.schemas.web.errors import Answer, Invalid
from causeline.schemas.web.http import HttpRequest
from tests.unit.query_api.dora.dora_samples import GOLDEN_CHANGES, GOLDEN_PROBLEMS, HOUR, at

NOW = at("02-01 00:00")
FORTNIGHT = (("from", "2024-01-01"), ("to", "2024-01-15"))
Pair = tuple[str, str]
_Shown = TypeVar("_Shown")


class Versions:
    """The versions of a definition, the first one as it is without being told."""

    def __init__(self, *more: Definition) -> None:
        self._all = (Definition(), *more)

    @property
    def current(self) -> Definition:
        return self._all[-1]

    def version(self, number: int) -> Definition | None:
        return self._all[number - 1] if 1 <= number <= len(self._all) else None


class Histories:
    """What follows from the fortnight, of one tenant."""

    def __init__(self) -> None:
        self.questions: list[DoraQuestion] = []

    async def dora(self, question: DoraQuestion, show: Callable[[DoraHistory], _Shown]) -> _Shown:
        self.questions.append(question)
        return show(take_history(GOLDEN_CHANGES, (), GOLDEN_PROBLEMS, question.definition).narrow(question.scope))

    async def sums(self, question: DoraQuestion, show: Callable[[HistoryColumns], _Shown]) -> _Shown:
        self.questions.append(question)
        return show(take_columns(GOLDEN_CHANGES, (), GOLDEN_PROBLEMS, question.definition).narrow(question.scope))


class Api:
    def __init__(self, *more: Definition) -> None:
        self.histories = Histories()
        versions = Versions(*more)

        async def definitions(_: str) -> Versions:
            return versions

        self._handlers = {route.path: route.handler for route in routes(DoraParts(self.histories, definitions))}

    async def ask(self, path: str, *pairs: Pair, accept: str = "", groups: Sequence[str] | None = None) -> Answer:
        headers = {"accept": accept} if accept else {}
        shown = None if groups is None else tuple(groups)
        return await self._handlers[path](HttpRequest("GET", path, {}, urlencode(pairs), headers, b"", "acme", NOW, groups=shown))

    async def get(self, path: str, *pairs: Pair) -> Any:
        answer = await self.ask(path, *pairs)
        assert (answer.status, answer.headers["Vary"]) == (200, "Accept")
        return msgspec.json.decode(answer.body)

    async def table(self, path: str, *pairs: Pair) -> list[dict[str, str]]:
        answer = await self.ask(path, *pairs, accept="text/csv")
        assert answer.headers["Content-Type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(answer.body.decode())))

    async def refusal(self, path: str, *pairs: Pair) -> dict[str, str]:
        with pytest.raises(Invalid) as refused:
            await self.ask(path, *pairs)
        return dict(refused.value.fields)


@pytest.fixture
def api() -> Api:
    return Api()


async def test_the_golden_table_and_what_it_was_counted_by(api: Api) -> None:
    answer = await api.get("/v1/dora", *FORTNIGHT, ("service", "checkout"))
    assert set(answer) == {"window", "scope", "definition", "metrics"}
    assert answer["scope"] == {"service": ["checkout"]}
    assert answer["window"] == {"from": "2024-01-01T00:00:00.000Z", "to": "2024-01-15T00:00:00.000Z", "tz": "UTC"}
    definition = answer["definition"]
    assert (definition["version"], definition["url"], definition["replaced"]) == (1, "/v1/dora/definition", [])
    path, _, operation = definition["words"].partition("#")
    words = openapi.PART.paths["/v1/dora"]["get"]
    assert (path, words["operationId"]) == ("/docs", operation)
    assert all(f"\n{name}: " in words["description"] for name in METRIC_NAMES)
    assert definition["attribution"] == {"rule": "causes", "window": "24h"}
    values = {name: metric["value"] for name, metric in answer["metrics"].items()}
    assert values == {
        "deployment_frequency": 6 / 14,
        "change_lead_time": 18 * 3600,
        "change_fail_rate": 1 / 6,
        "failed_deployment_recovery_time": 90 * 60,
        "deployment_rework_rate": 1 / 6,
        "time_to_restore": 80 * 60,
    }


async def test_the_naive_rule_is_for_one_answer_and_the_answer_says_so(api: Api) -> None:
    answer = await api.get("/v1/dora", *FORTNIGHT, ("attribution", "latest"), ("attribution_window", "none"))
    rate = answer["metrics"]["change_fail_rate"]
    assert (rate["numerator"], rate["denominator"]) == (2, 6)
    assert answer["definition"]["attribution"] == {"rule": "latest", "window": None}
    assert answer["definition"]["replaced"] == ["attribution"]


async def test_every_number_is_what_the_drill_down_lists(api: Api) -> None:
    for more in ((), (("attribution", "latest"), ("attribution_window", "none"))):
        metrics = (await api.get("/v1/dora", *FORTNIGHT, *more))["metrics"]
        rows = (await api.get("/v1/dora/deployments", *FORTNIGHT, *more))["deployments"]
        counted = [row for row in rows if row["excluded"] is None]
        leads = sorted(commit["lead_time"] for row in counted for commit in row["commits"] if commit["lead_time"] is not None)
        recoveries = sorted(row["recovery_time"] for row in counted if row["recovery_time"] is not None)
        assert metrics["deployment_frequency"]["numerator"] == len(counted) == 6
        assert metrics["deployment_frequency"]["excluded"]["failed_attempts"] == len(rows) - len(counted) == 1
        assert metrics["change_fail_rate"]["numerator"] == sum(row["failed"] for row in counted)
        assert metrics["deployment_rework_rate"]["numerator"] == sum(bool(row["rework"]) for row in counted)
        assert (metrics["change_lead_time"]["n"], metrics["failed_deployment_recovery_time"]["n"]) == (len(leads), len(recoveries))
        assert leads[2] <= metrics["change_lead_time"]["value"] <= leads[3]
        assert all(row["failed"] == bool(row["failures"]) for row in rows)


async def test_the_drill_down_goes_on_by_its_cursor_in_order_of_time(api: Api) -> None:
    filters = (("from", "now-31d"), ("to", "now-17d"), ("limit", "3"))
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.get("/v1/dora/deployments", *filters, ("cursor", cursor))
        assert set(page) == {"deployments", "next_cursor"}
        ids += [row["id"] for row in page["deployments"]]
        cursor = page["next_cursor"]
    assert ids == ["d1", "d2", "d3", "d4", "d5", "a1", "d6"]
    assert {question.window for question in api.histories.questions} == {api.histories.questions[0].window}


async def test_a_cursor_beside_other_filters_is_refused(api: Api) -> None:
    cursor = (await api.get("/v1/dora/deployments", *FORTNIGHT, ("limit", "2")))["next_cursor"]
    for other in (("service", "checkout"), ("environment", "staging"), ("attribution", "latest")):
        assert list(await api.refusal("/v1/dora/deployments", *FORTNIGHT, other, ("cursor", cursor))) == ["cursor"]


async def test_steps_and_groups_are_there_where_they_are_asked_for(api: Api) -> None:
    answer = await api.get("/v1/dora", *FORTNIGHT, ("step", "week"), ("group_by", "service"))
    assert answer["window"]["step"] == "week"
    assert [part["metrics"]["deployment_frequency"]["numerator"] for part in answer["series"]] == [3, 3]
    assert [(part["from"][:10], part["to"][:10]) for part in answer["series"]] == [
        ("2024-01-01", "2024-01-08"),
        ("2024-01-08", "2024-01-15"),
    ]
    assert answer["groups"] == [{"service": "checkout", "metrics": answer["metrics"]}]


async def test_dates_are_of_the_zone_and_the_definition_has_one() -> None:
    api = Api(Definition(version=2, tz="Europe/Berlin"))
    own = await api.get("/v1/dora", *FORTNIGHT)
    assert own["window"] == {"from": "2023-12-31T23:00:00.000Z", "to": "2024-01-14T23:00:00.000Z", "tz": "Europe/Berlin"}
    other = await api.get("/v1/dora", *FORTNIGHT, ("tz", "America/New_York"))
    assert (other["window"]["from"], other["window"]["tz"]) == ("2024-01-01T05:00:00.000Z", "America/New_York")
    unasked = (await api.get("/v1/dora"))["window"]
    assert (unasked["from"], unasked["to"]) == ("2024-01-02T00:00:00.000Z", "2024-02-01T00:00:00.000Z")


async def test_an_old_version_can_be_asked_for_and_is_named() -> None:
    api = Api(Definition(version=2, attribution=Attribution(rule="latest", window=None)))
    newest, first = [await api.get("/v1/dora", *FORTNIGHT, *more) for more in ((), (("definition", "1"),))]
    assert [part["metrics"]["change_fail_rate"]["numerator"] for part in (newest, first)] == [2, 1]
    assert [part["definition"]["version"] for part in (newest, first)] == [2, 1]
    assert first["definition"]["url"] == "/v1/dora/definition?version=1"
    for wrong in ("3", "0", "x", "9" * 40):
        assert list(await api.refusal("/v1/dora", *FORTNIGHT, ("definition", wrong))) == ["definition"]


async def test_other_environments_may_count_as_production(api: Api) -> None:
    answer = await api.get("/v1/dora", *FORTNIGHT, ("environment", "staging"), ("environment", "canary"))
    assert answer["metrics"]["deployment_frequency"]["value"] == 0
    assert answer["metrics"]["change_fail_rate"]["value"] is None
    assert (answer["definition"]["production"], answer["definition"]["replaced"]) == (["staging", "canary"], ["production"])
    assert (await api.get("/v1/dora", *FORTNIGHT, ("environment", "PROD")))["metrics"]["deployment_frequency"]["numerator"] == 6


@pytest.mark.parametrize("path", ["/v1/dora", "/v1/dora/deployments", "/v1/dora/series"])
async def test_what_cannot_be_asked_is_refused_by_name(api: Api, path: str) -> None:
    broken = {
        "colour": "red",
        "tz": "Mars/Phobos",
        "from": "yesterday",
        "attribution": "blame",
        "attribution_window": "long",
        "definition": "two",
    }
    assert set(await api.refusal(path, *broken.items())) == set(broken)
    assert list(await api.refusal(path, ("from", "2020-01-01"), ("to", "2024-01-01"))) == ["from"]
    assert list(await api.refusal(path, ("from", "2024-01-01"), ("to", "2024-01-01"))) == ["from"]
    assert list(await api.refusal(path, *FORTNIGHT, ("attribution_window", "366d"))) == ["attribution_window"]
    assert list(await api.refusal(path, *(("service", str(number)) for number in range(101)))) == ["service"]
    assert api.histories.questions == []


async def test_a_step_that_is_too_short_and_two_groupings_are_refused(api: Api) -> None:
    years = (("from", "2022-01-03"), ("to", "2023-12-31"))
    for path in ("/v1/dora", "/v1/dora/series"):
        assert list(await api.refusal(path, *years, ("step", "day"))) == ["step"]
        assert list(await api.refusal(path, ("group_by", "service"), ("group_by", "team"))) == ["group_by"]
    assert len((await api.get("/v1/dora", *years, ("step", "week")))["series"]) == 104
    assert list(await api.refusal("/v1/dora/deployments", ("step", "day"))) == ["step"]


async def test_scope_and_groups_reach_the_history(api: Api) -> None:
    await api.ask("/v1/dora", ("service", "a"), ("service", "b"), ("team", "t"), ("repo", "r"), ("project", "p"), groups=["red"])
    (question,) = api.histories.questions
    assert msgspec.structs.asdict(question.scope) == {"service": {"a", "b"}, "team": {"t"}, "repo": {"r"}, "project": {"p"}}
    assert (question.groups, question.tenant, question.now) == (("red",), "acme", NOW)


async def test_metrics_as_a_table_are_those_of_the_json(api: Api) -> None:
    asked = (*FORTNIGHT, ("step", "week"), ("group_by", "service"))
    rows, answer = await api.table("/v1/dora", *asked), await api.get("/v1/dora", *asked)
    assert [row["part"] for row in rows] == ["window"] * 6 + ["step"] * 12 + ["group"] * 6
    for row, (name, metric) in zip(rows, answer["metrics"].items(), strict=False):
        assert (row["metric"], float(row["value"]), row["state"], int(row["n"])) == (name, metric["value"], metric["state"], metric["n"])
    fail_rate = rows[2]
    assert [float(fail_rate[name]) for name in ("interval_low", "interval_high")] == answer["metrics"]["change_fail_rate"]["interval"]
    assert (fail_rate["excluded"], fail_rate["definition"]) == ("failed_attempts=1", "1")
    assert {row["group"] for row in rows} == {"", "checkout"}
    assert [(row["median_days_per_week"], row["partial"]) for row in rows[:3]] == [("2.5", ""), ("", "false"), ("", "")]


async def test_deployments_as_a_table_name_the_next_page_beside_it(api: Api) -> None:
    rows = await api.table("/v1/dora/deployments", *FORTNIGHT)
    assert [row["id"] for row in rows] == ["d1", "d2", "d3", "d4", "d5", "a1", "d6"]
    assert rows[3]["failures"] == "problem:i1 problem:i2 rollback:d5"
    assert (rows[3]["failed"], rows[3]["recovery_time"], rows[2]["commits"]) == ("true", "5400.0", "c3 c4")
    assert float(rows[2]["lead_times"].split()[0]) == 48 * HOUR / 1000
    first = await api.ask("/v1/dora/deployments", *FORTNIGHT, ("limit", "6"), accept="text/csv")
    link = first.headers["Link"].partition("<")[2].partition(">")[0]
    assert [row["id"] for row in await api.table(urlsplit(link).path, *parse_qsl(urlsplit(link).query))] == ["d6"]
    assert "Link" not in (await api.ask("/v1/dora/deployments", *FORTNIGHT, accept="text/csv")).headers


@pytest.mark.parametrize("path", ["/v1/dora", "/v1/dora/deployments", "/v1/dora/series"])
async def test_an_address_alone_asks_for_a_table(api: Api, path: str) -> None:
    answer = await api.ask(path, *FORTNIGHT, ("format", "csv"), accept="text/html, application/json")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert list(csv.DictReader(io.StringIO(answer.body.decode()))) == await api.table(path, *FORTNIGHT)
    assert "format" in await api.refusal(path, ("format", "xml"))


async def test_series_are_targets_with_points_of_value_and_time(api: Api) -> None:
    answer = await api.get("/v1/dora/series", *FORTNIGHT, ("step", "week"))
    assert [part["target"] for part in answer] == list(METRIC_NAMES)
    assert answer[0]["datapoints"] == [[3 / 7, at("01-01 00:00")], [3 / 7, at("01-08 00:00")]]
    (empty,) = await api.get("/v1/dora/series", ("from", "2023-01-01"), ("to", "2023-01-03"), ("metric", "change_lead_time"))
    assert [value for value, _ in empty["datapoints"]] == [None, None]
    grouped = await api.get("/v1/dora/series", *FORTNIGHT, ("group_by", "service"), ("metric", "deployment_frequency"))
    assert [(part["target"], len(part["datapoints"])) for part in grouped] == [("deployment_frequency checkout", 14)]


async def test_series_are_flat_rows_where_a_dashboard_wants_them(api: Api) -> None:
    asked = (*FORTNIGHT, ("step", "week"), ("group_by", "service"), ("metric", "change_fail_rate"))
    rows = await api.get("/v1/dora/series", *asked, ("format", "rows"))
    assert rows == [
        {"time": "2024-01-01T00:00:00.000Z", "service": "checkout", "change_fail_rate": 0},
        {"time": "2024-01-08T00:00:00.000Z", "service": "checkout", "change_fail_rate": pytest.approx(1 / 3)},
    ]
    assert [{**row, "change_fail_rate": float(row["change_fail_rate"])} for row in await api.table("/v1/dora/series", *asked)] == rows
