"""What Slack is told of causes: one line in a problem's message, a message of its own in the problem's thread."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.processors.workers.cause_summaries import summarize
from causeline.processors.workers.slack import slack_message
from causeline.processors.workers.slack_blocks import MAX_FIELDS, MAX_HEADER, MAX_MESSAGE_TEXT
from causeline.processors.workers.slack_causes import cause_line
from causeline.schemas.records.causes import BlindSpotEntry, ReasonEntry
from causeline.schemas.subscriptions.rules import Rule
from tests.delivery_state import T0
from tests.revisions import a_cause, a_revision
from tests.unit.processors.workers.samples import problem

RULE = Rule(id="sub", tenant="t", revision=1, name="Shop", created_at=T0)
ADDRESS = "https://causeline.example"
SPOTS = [BlindSpotEntry(service="payments", kind="config_change"), BlindSpotEntry(service="<cart>", kind="scale")]
LINES: list[tuple[dict[str, Any], str]] = [
    ({}, "Likely cause: deployment checkout 1.41.0, 4 min before (71 %)"),
    (
        {"causes": [a_cause(kind="config_change", title="", offset_seconds=0.0)]},
        "Likely cause: config change checkout, at its start (71 %)",
    ),
    ({"causes": [a_cause(title="a < b & c", offset_seconds=90.0)]}, "Likely cause: deployment a &lt; b &amp; c, 1 min 30 s after (71 %)"),
    (
        {"verdict": "possible", "causes": [a_cause(), a_cause(2), a_cause(3, feedback="rejected")]},
        "Possible: deployment checkout 1.41.0, 4 min before (71 %); deployment checkout 1.42.0, 8 min before (36 %)",
    ),
    ({"verdict": "possible", "causes": [a_cause(feedback="rejected")]}, ""),
    ({"verdict": "none", "none_probability": 0.834}, "No change did this (83 %)"),
    ({"verdict": "unknown", "blind_spots": SPOTS[:1]}, "Unknown: nobody reports config changes of payments"),
    ({"verdict": "unknown", "blind_spots": SPOTS}, "Unknown: nobody reports config changes of payments and scaling of &lt;cart&gt;"),
    ({"verdict": "unknown"}, "Unknown: nobody reports what changes there"),
]


@pytest.mark.parametrize(("fields", "line"), LINES)
def test_the_line_says_what_did_it(fields: dict[str, Any], line: str) -> None:
    assert cause_line(summarize(a_revision(**fields))) == line


def test_a_problem_says_first_what_did_it() -> None:
    message = slack_message(problem("opened"), RULE, ADDRESS, [], summarize(a_revision()))
    assert message["blocks"][1] == {"type": "section", "text": {"type": "mrkdwn", "text": LINES[0][1]}}
    assert message["text"] == f"Problem opened: Checkout is slow (checkout)\n{LINES[0][1]}"


def test_a_problem_whose_causes_are_not_known_says_nothing_of_them() -> None:
    with_none = slack_message(problem("opened"), RULE, ADDRESS, [])
    assert [block["type"] for block in with_none["blocks"]] == ["header", "section", "context"]
    assert with_none["text"] == "Problem opened: Checkout is slow (checkout)"


def test_a_ranking_says_what_did_it_and_why() -> None:
    message = slack_message(a_revision(), RULE, ADDRESS, [])
    head, line, reasons, _, below = message["blocks"]
    assert head["text"]["text"] == ":dart: Likely cause: Checkout is slow"
    assert line["text"]["text"] == LINES[0][1]
    assert reasons["text"]["text"] == "• *checkout 1.41.0*: finished 4 min before the problem began"
    assert "<https://causeline.example/problems/problem%2F1|Problem>" in below["elements"][0]["text"]
    assert "<https://causeline.example/v1/problems/problem%2F1/causes|Causes>" in below["elements"][0]["text"]
    assert message["text"] == f"Likely cause: Checkout is slow\n{LINES[0][1]}"


NASTY = st.text(alphabet=st.characters(codec="utf-8"), max_size=4_000) | st.sampled_from(["&" * 4_000, "<!channel>" * 400, "x" * 10_000])
VERDICTS = st.sampled_from(["likely", "possible", "none", "unknown"])


@given(NASTY, NASTY, VERDICTS)
def test_no_text_breaks_a_limit_or_the_markup(title: str, name: str, verdict: str) -> None:
    reasons = [ReasonEntry(feature="text", contribution=1.0, text=title)]
    causes = [a_cause(title=title, kind=name, service=name, reasons=reasons), a_cause(title=name, kind=title, reasons=reasons)] * 10
    spots = [BlindSpotEntry(service=title, kind=name)] * 9
    revision = a_revision(verdict=verdict, causes=causes, blind_spots=spots, title=title, service=name, priority=title, environment=name)
    about = problem("opened", title=title, text=name, service=name)
    for message in (slack_message(revision, RULE, ADDRESS, []), slack_message(about, RULE, ADDRESS, [], summarize(revision))):
        assert len(message["text"]) <= MAX_MESSAGE_TEXT
        assert "<!channel>" not in message["text"]
        assert len(message["blocks"][0]["text"]["text"]) <= MAX_HEADER
        for block in message["blocks"][1:]:
            texts = [*block.get("fields", []), *block.get("elements", []), *([block["text"]] if "text" in block else [])]
            assert len(block.get("fields", [])) <= MAX_FIELDS
            for text_object in texts:
                assert 0 < len(text_object["text"]) <= (2_000 if "fields" in block else MAX_MESSAGE_TEXT)
                assert "<!channel>" not in text_object["text"]
