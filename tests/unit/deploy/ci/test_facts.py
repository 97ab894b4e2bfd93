"""How an event is made of flags and of what a CI says, what is refused by its flag, and which ids make a repeat one."""

import json
from pathlib import Path
from typing import Any

import pytest
from causeline_ci import facts
from causeline_ci.facts import Request, UsageError, build_event
from causeline_ci.providers import PROVIDERS, CiJob, detect_job, job_variables, without_credentials
from causeline_ci.settings import ClientSettings, UnusableSetting, read_settings, spool_folder
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.dialects.native.body import validate_item
from tests.ci_client import GITHUB

NOW = 1_764_565_200.0
NOTHING = ClientSettings()


def event_of(**flags: Any) -> dict[str, Any]:
    return build_event(Request(**{"kind": "deployment", **flags}), CiJob(), NOTHING, NOW)


def test_an_event_has_what_flags_and_the_job_say() -> None:
    event = build_event(
        Request("Deployment", service="checkout", version="1.4", tags=("a=b=c",), links=("https://x/1", "log=https://x/2")),
        detect_job(GITHUB),
        ClientSettings(service="other", environment="production"),
        NOW,
    )
    assert event == {
        "kind": "deployment",
        "title": "Deployment checkout 1.4",
        "ts": "2025-12-01T05:00:00.000Z",
        "service": "checkout",
        "environment": "production",
        "release": "1.4",
        "source": "causeline-ci",
        "repo": "shop/checkout",
        "commit": "a" * 40,
        "tags": {"ci": "github", "ci_run": "7", "ci_attempt": "1", "ci_job": "deploy", "a": "b=c"},
        "links": {"ci": "https://github.example/shop/checkout/actions/runs/7", "link": "https://x/1", "log": "https://x/2"},
    }
    validate_item(event)


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ({"kind": " "}, "KIND"),
        ({"title": "x" * 1001}, "--title"),
        ({"service": "x" * 201}, "--service"),
        ({"tags": ("novalue",)}, "--tag"),
        ({"tags": ("a=" + "x" * 1001,)}, "--tag"),
        ({"links": ("ftp://x",)}, "--link"),
        ({"at": "yesterday"}, "--at"),
        ({"at": "2026-11-28T09:12:00"}, "--at"),
        ({"fields": ("commits",)}, "--field"),
        ({"fields": ("commits=[",)}, "--field"),
        ({"fields": ("a=NaN",)}, "--field"),
        ({"fields": ("title.a=1",)}, "--field"),
        ({"fields": ("kind=1",)}, "--field"),
        ({"fields": (f'text="{"x" * 300_000}"',)}, "--field"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_flag(flags: dict[str, Any], name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name}: "):
        event_of(**flags)


@pytest.mark.parametrize("at", ["2026-11-28T09:12:00Z", "2026-11-28T10:12:00+01:00", "1795857120000"])
def test_a_time_is_sent_in_utc(at: str) -> None:
    assert event_of(at=at)["ts"] == "2026-11-28T09:12:00.000Z"


def test_a_field_reaches_any_place() -> None:
    event = event_of(fields=('commits=["9b1d7c4"]', "tags.n=1", 'a.b.c="d"'))
    assert (event["commits"], event["tags"], event["a"]) == (["9b1d7c4"], {"n": 1}, {"b": {"c": "d"}})


@given(text=st.text(st.characters(), max_size=200))
def test_whatever_is_typed_the_server_can_read_it(text: str) -> None:
    event = event_of(title=text, service=text, tags=(f"a={text}",))
    validate_item(json.loads(json.dumps(event, ensure_ascii=False).encode()))


def test_lines_have_what_they_say_and_what_the_job_says() -> None:
    text = '{"kind": "build", "title": "one", "idempotency_key": "k 1"}\n\n{"kind": "test", "service": "a"}\n'
    first, second = facts.read_events(text, CiJob(provider="gitlab", run="1"), NOTHING, NOW)
    assert (first.key, first.event["title"], first.event["tags"]) == ("k 1", "one", {"ci": "gitlab", "ci_run": "1"})
    assert (second.key, second.event["service"]) == ("", "a")


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"kind": 1}', '{"kind": "a", "idempotency_key": "\\n"}', '{"kind": "a", "x": NaN}'])
def test_a_line_that_is_no_event_is_named(line: str) -> None:
    with pytest.raises(UsageError, match=r"^- \(line 2\): "):
        facts.read_events(f'{{"kind": "build"}}\n{line}', CiJob(), NOTHING, NOW)


def test_the_same_step_of_the_same_attempt_has_the_same_id_and_no_other_has() -> None:
    job = detect_job(GITHUB)
    event = event_of(service="a")
    ids = [
        facts.id_of_event(facts.sort_of(one, sent, phase), number)
        for one in (job, job._replace(attempt="2"), job._replace(job="test"))
        for sent in (event, {**event, "service": "b"}, {**event, "environment": "b"}, {**event, "kind": "build"})
        for phase in ("send", "start")
        for number in (1, 2)
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0] == facts.id_of_event(facts.sort_of(detect_job(GITHUB), event_of(service="a"), "send"), 1)


def test_a_pair_says_what_makes_it_one() -> None:
    event = event_of()
    begin = facts.begin_pair(event, "id", status="")
    end = facts.end_pair(event_of(at="2026-11-28T09:12:00Z"), "id", start=begin["start"], status="failure")
    assert begin["tags"] == end["tags"] == {"run_id": "id", "deployment_id": "id"}
    assert (begin["status"], end["status"], begin["correlation_id"], end["correlation_id"]) == ("started", "failure", "id", "id")
    for each in (begin, end):
        validate_item(each)


def test_a_clock_that_went_back_makes_a_pair_last_no_time() -> None:
    end = facts.end_pair(event_of(), "id", start="2027-01-01T00:00:00.000Z", status="success")
    assert end["end"] == end["start"]
    validate_item(end)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_is_known_by_its_variables_and_by_no_other(provider: str) -> None:
    mark, fields = PROVIDERS[provider]
    environment = dict.fromkeys(job_variables(), "")
    for templates in fields.values():
        for template in templates[:1]:
            environment.update({name: f"value-of-{name}" for name in job_variables() if f"{{{name}}}" in template})
    environment[mark] = "true"
    job = detect_job({**environment, "SECRET": "s"})
    assert job.provider == provider
    assert all(getattr(job, field) for field, templates in fields.items() if templates and field != "commit")


def test_no_job_outside_of_ci() -> None:
    assert detect_job({"HOME": "/", "GITHUB_ACTIONS": "false"}) == CiJob()


def test_the_commit_of_a_pull_request_is_its_head(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"pull_request": {"head": {"sha": "b" * 40}}}))
    assert detect_job({**GITHUB, "GITHUB_EVENT_PATH": str(path)}).commit == "b" * 40
    path.write_text("[")
    assert detect_job({**GITHUB, "GITHUB_EVENT_PATH": str(path)}).commit == "a" * 40


def test_a_commit_that_is_no_hash_is_none() -> None:
    assert detect_job({"BUILDKITE": "true", "BUILDKITE_COMMIT": "HEAD"}).commit == ""


@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("https://user:p%40ss@host/a.git", "https://host/a.git"),
        ("https://user:p@ss@host/a@b", "https://host/a@b"),
        ("ssh://git@host/a", "ssh://host/a"),
        ("git@host:a/b", "git@host:a/b"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_credentials_in_addresses_are_removed(address: str, clean: str) -> None:
    assert without_credentials(address) == clean
    assert detect_job({"JENKINS_URL": "http://j/", "GIT_URL": address}).repository == clean


def test_flags_win_over_variables() -> None:
    settings = read_settings({"CAUSELINE_URL": "http://a/", "CAUSELINE_STRICT": "no"}, {"url": "http://b/", "strict": None})
    assert (settings.url, settings.strict) == ("http://b", False)


@pytest.mark.parametrize("url", ["ftp://a", "a", "http://u:p@a", "http://ü"])
def test_an_address_that_cannot_be_used_is_refused_by_its_variable(url: str) -> None:
    with pytest.raises(UnusableSetting, match="CAUSELINE_URL"):
        read_settings({"CAUSELINE_URL": url}, {})


def test_what_one_repository_left_behind_is_not_sent_by_another() -> None:
    settings = ClientSettings(url="http://a")
    assert len({spool_folder(settings, "x"), spool_folder(settings, "y"), spool_folder(settings._replace(url="http://b"), "x")}) == 3
    assert spool_folder(settings._replace(token="t"), "x") == spool_folder(settings, "x")
