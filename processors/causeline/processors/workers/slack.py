"""Messages for Slack (Block Kit): what happened, where, for how long, what did it, and what changed before a problem began."""

from typing import Final

from causeline.processors.workers.cause_summaries import CauseSummary
from causeline.processors.workers.ports import WindowChange
from causeline.processors.workers.slack_blocks import (
    MAX_LINE,
    MAX_MESSAGE_TEXT,
    Block,
    SlackMessage,
    context_block,
    fact_blocks,
    header_block,
    line_block,
    text_blocks,
)
from causeline.processors.workers.slack_causes import cause_line, causes_message
from causeline.processors.workers.slack_text import distance, duration, escape
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.rules import Rule, Target
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address

MAX_CHANGES: Final = 5

_TRANSITIONS: Final[dict[Transition, tuple[str, str]]] = {
    "opened": (":red_circle:", "Problem opened"),
    "reopened": (":red_circle:", "Problem opened again"),
    "refreshed": (":large_orange_circle:", "Problem goes on"),
    "closed": (":large_green_circle:", "Problem closed"),
    "timed_out": (":white_circle:", "Problem timed out"),
    "deleted": (":wastebasket:", "Problem deleted"),
}
_KINDS: Final = {
    "deployment": ":rocket:",
    "incident": ":fire:",
    "recovery": ":large_green_circle:",
    "config_change": ":gear:",
    "scale": ":chart_with_upwards_trend:",
    "build": ":hammer:",
    "test": ":test_tube:",
    "drift": ":compass:",
}
_EVENT: Final = ":information_source:"


def slack_message(
    record: Event | Problem | CauseRevision | None,
    rule: Rule,
    address: str,
    changes: list[WindowChange],
    causes: CauseSummary | None = None,
) -> SlackMessage:
    """Return text and blocks; `address` is the server's in links.

    Of a problem `changes` are those of its correlation window, closest first, and `causes` its ranking, None where none is known.
    """
    if isinstance(record, Problem):
        return _problem(record, rule, address, changes, "" if causes is None else cause_line(causes))
    if isinstance(record, CauseRevision):
        return causes_message(record, rule, address)
    if isinstance(record, Event):
        return _event(record, rule, address)
    text = f"Test of the subscription {rule.name or rule.id}"
    return {"text": escape(text, MAX_MESSAGE_TEXT), "blocks": [header_block(":satellite_antenna:", text)]}


def with_look(message: SlackMessage, target: Target) -> SlackMessage:
    """Return a message with the name and the icon that the target asks for: an emoji as `:name:`, else the URL of a picture."""
    look: SlackMessage = {"username": target.slack_username} if target.slack_username else {}
    icon = target.slack_icon
    if icon:
        look["icon_emoji" if icon.startswith(":") else "icon_url"] = icon
    return message | look


def _problem(problem: Problem, rule: Rule, address: str, changes: list[WindowChange], line: str) -> SlackMessage:
    emoji, what = _TRANSITIONS[problem.transition]
    title = problem.title or problem.kind
    length = "" if problem.end is None else duration(problem.end - problem.start)
    facts = {
        "State": problem.state,
        "Duration": length,
        "Service": problem.service,
        "Environment": problem.environment,
        "Severity": problem.severity,
        "Priority": problem.priority,
        "Team": problem.team or problem.owner,
        "Source": problem.source or problem.dialect,
        "Refreshed": f"{problem.refresh_count} times" if problem.refresh_count else "",
    }
    links = {"Problem": page_address(PROBLEM_PAGE, problem.id, address)} | problem.links
    blocks = [
        header_block(emoji, f"{what}: {title}"),
        *([line_block(line)] if line else []),
        *fact_blocks(facts),
        *text_blocks(problem.text),
        *_change_blocks(changes),
        context_block(links, rule),
    ]
    where = f" ({problem.service})" if problem.service else ""
    text = escape(f"{what}: {title}{where}{f', {length}' if length else ''}", MAX_MESSAGE_TEXT // 2)
    return {"text": f"{text}\n{line}" if line else text, "blocks": blocks}


def _event(event: Event, rule: Rule, address: str) -> SlackMessage:
    title = event.title or event.kind
    how = " (deleted)" if event.is_deleted else " (changed)" if event.version > 1 else ""
    facts = {
        "Kind": event.kind,
        "Status": event.status,
        "Service": event.service,
        "Environment": event.environment,
        "Severity": event.severity,
        "Priority": event.priority,
        "Release": event.release,
        "By": event.actor or event.owner,
        "Duration": "" if event.start is None or event.end is None else duration(event.end - event.start),
        "Source": event.source or event.dialect,
    }
    links = {"Event": page_address(EVENT_PAGE, event.id, address)} | event.links
    blocks = [
        header_block(_KINDS.get(event.kind, _EVENT), title + how),
        *fact_blocks(facts),
        *text_blocks(event.text),
        context_block(links, rule),
    ]
    where = f" ({event.service})" if event.service else ""
    return {"text": escape(f"{event.kind}: {title}{where}{how}", MAX_MESSAGE_TEXT), "blocks": blocks}


def _change_blocks(changes: list[WindowChange]) -> list[Block]:
    if not changes:
        return []
    lines = ["*What changed*", *(_change_line(change) for change in changes[:MAX_CHANGES])]
    return [line_block("\n".join(lines))]


def _change_line(change: WindowChange) -> str:
    summary = " · ".join(filter(None, (change.title or change.kind, change.status, change.service, change.actor)))
    when, relation = distance(change.offset_seconds), change.relation.replace("_", " ")
    return f"• *{escape(change.kind, 60)}* {when} ({relation}): {escape(summary, MAX_LINE)}"
