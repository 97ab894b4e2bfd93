import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.processors.workers.ports import WindowChange
from causeline.processors.workers.slack import slack_message, with_look
from causeline.processors.workers.slack_blocks import MAX_FIELDS, MAX_HEADER, MAX_MESSAGE_TEXT
from causeline.processors.workers.slack_text import duration, escape, link
from causeline.schemas.subscriptions.rules import Rule, Target
from tests.delivery_state import T0, event
from tests.unit.processors.workers.samples import problem

RULE = Rule(id="sub", tenant="t", revision=1, name="Shop <alerts>", created_at=T0)
ADDRESS = "https://causeline.example"
CHANGES = [
    WindowChange(id=f"c{n}", kind="deployment", title=f"rollout {n}", service="checkout", relation="same_service", offset_seconds=-60.0 * n)
    for n in range(8)
]


def test_a_problem_tells_what_where_and_what_changed_before_it() -> None:
    message = slack_message(problem("opened", text="p99 > 3 s & rising"), RULE, ADDRESS, CHANGES)
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["header", "section", "section", "section", "context"]
    header, facts, text, changed, context = message["blocks"]
    assert header["text"]["text"] == ":red_circle: Problem opened: Checkout is slow"
    assert {"type": "mrkdwn", "text": "*Service*\ncheckout"} in facts["fields"]
    assert text["text"]["text"] == "p99 &gt; 3 s &amp; rising"
    lines = changed["text"]["text"].split("\n")
    assert lines[0] == "*What changed*"
    assert lines[1] == "• *deployment* at its start (same service): rollout 0 · checkout"
    assert lines[3] == "• *deployment* 2 min before (same service): rollout 2 · checkout"
    assert len(lines) == 6
    said_below = context["elements"][0]["text"]
    assert said_below == "<https://causeline.example/problems/problem%2F1|Problem> | subscription Shop &lt;alerts&gt;"
    assert message["text"] == "Problem opened: Checkout is slow (checkout)"


def test_a_closed_problem_tells_how_long_it_lasted() -> None:
    message = slack_message(problem("closed"), RULE, ADDRESS, [])
    assert {"type": "mrkdwn", "text": "*Duration*\n1 h 5 min"} in message["blocks"][1]["fields"]
    assert message["text"].endswith("(checkout), 1 h 5 min")


@pytest.mark.parametrize(("version", "deleted", "end"), [(1, False, "rollout 1"), (2, False, "(changed)"), (3, True, "(deleted)")])
def test_an_event_tells_what_happened_to_it(version: int, deleted: bool, end: str) -> None:  # noqa: FBT001
    message = slack_message(event(1, version=version, is_deleted=deleted), RULE, ADDRESS, [])
    assert message["blocks"][0]["text"]["text"].startswith(":rocket: rollout 1")
    assert message["blocks"][0]["text"]["text"].endswith(end)
    assert f"<https://causeline.example/events/{event(1).id}|Event>" in message["blocks"][-1]["elements"][0]["text"]


NASTY = st.text(alphabet=st.characters(codec="utf-8"), max_size=4_000) | st.sampled_from(["&" * 4_000, "<!channel>" * 400, "x" * 10_000])


@given(NASTY, NASTY, NASTY)
def test_no_text_breaks_a_limit_or_the_markup(title: str, text: str, name: str) -> None:
    about = problem("opened", title=title, text=text, service=name, links={name: f"https://x/{title}", "b": text}, team=text)
    changes = [WindowChange(id="c", kind=name, title=title, service=text, actor=text)] * 5
    message = slack_message(about, msgspec.structs.replace(RULE, name=name), ADDRESS, changes)
    assert len(message["text"]) <= MAX_MESSAGE_TEXT
    assert len(message["blocks"][0]["text"]["text"]) <= MAX_HEADER
    assert len(message["blocks"]) <= 50
    for block in message["blocks"][1:]:
        texts = [*block.get("fields", []), *block.get("elements", []), *([block["text"]] if "text" in block else [])]
        assert len(block.get("fields", [])) <= MAX_FIELDS
        for text_object in texts:
            assert 0 < len(text_object["text"]) <= (2_000 if "fields" in block else MAX_MESSAGE_TEXT)
            assert "<!channel>" not in text_object["text"]


@given(st.text(alphabet="&<>a", max_size=50), st.integers(min_value=2, max_value=60))
def test_a_cut_text_does_not_cut_an_escape(text: str, limit: int) -> None:
    output = escape(text, limit)
    assert len(output) <= limit
    assert output.rstrip("…").replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").strip("a") == ""


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "https://[::1", "/v1/x", "https://x/" + "y" * 600])
def test_what_is_no_link_of_the_web_is_none(url: str) -> None:
    assert link(url, "x") == ""


def test_a_link_cannot_be_left() -> None:
    assert link("https://x/a|b>c?d=1&e=2", "a|<b>") == "<https://x/a%7Cb%3Ec?d=1&amp;e=2|a/&lt;b&gt;>"


@pytest.mark.parametrize(
    ("ms", "expected"),
    [(0, "less than 1 s"), (999, "less than 1 s"), (61_000, "1 min 1 s"), (3_600_000, "1 h"), (3_601_000, "1 h"), (90_061_000, "1 d 1 h")],
)
def test_a_duration_is_told_in_its_two_largest_units(ms: int, expected: str) -> None:
    assert duration(ms) == expected


def test_a_message_wears_the_name_and_icon_of_its_target() -> None:
    assert with_look({"text": "x"}, Target(type="slack", slack_username="Bot", slack_icon=":ghost:")) == {
        "text": "x",
        "username": "Bot",
        "icon_emoji": ":ghost:",
    }
    assert with_look({}, Target(type="slack", slack_icon="https://x/y.png")) == {"icon_url": "https://x/y.png"}
