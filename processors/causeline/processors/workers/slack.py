"""Messages for Slack (Block Kit): what happened, where, for how long, and what changed before a problem began.

Source of the limits: Slack's reference of layout blocks (header 150 characters, text objects 3,000, fields 2,000, at most 10 of them).
"""

from typing import Any, Final
from urllib.parse import quote

from causeline.processors.workers.ports import WindowChange
from causeline.processors.workers.slack_text import cut, duration, escape, link
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.rules import Rule, Target

Block = dict[str, Any]
SlackMessage = dict[str, Any]

MAX_HEADER: Final = 150
MAX_MESSAGE_TEXT: Final = 3_000
MAX_FIELD: Final = 2_000
MAX_FIELDS: Final = 10
MAX_CHANGES: Final = 5
_MAX_BODY: Final = 700
_MAX_LINKS: Final = 5
_MAX_LINE: Final = 400

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


def slack_message(record: Event | Problem | None, rule: Rule, address: str, changes: list[WindowChange]) -> SlackMessage:
    """Return text and blocks; `address` is the server's in links, `changes` those of the correlation window, closest first."""
    if isinstance(record, Problem):
        return _problem(record, rule, address, changes)
    if isinstance(record, Event):
        return _event(record, rule, address)
    text = f"Test of the subscription {rule.name or rule.id}"
    return {"text": escape(text, MAX_MESSAGE_TEXT), "blocks": [_header(":satellite_antenna:", text)]}


def with_look(message: SlackMessage, target: Target) -> SlackMessage:
    """Return a message with the name and the icon that the target asks for: an emoji as `:name:`, else the URL of a picture."""
    look: SlackMessage = {"username": target.slack_username} if target.slack_username else {}
    icon = target.slack_icon
    if icon:
        look["icon_emoji" if icon.startswith(":") else "icon_url"] = icon
    return message | look


def _problem(problem: Problem, rule: Rule, address: str, changes: list[WindowChange]) -> SlackMessage:
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
    links = {"Problem": f"{address}/v1/problems/{quote(problem.id, safe='')}"} | problem.links
    blocks = [_header(emoji, f"{what}: {title}"), *_fields(facts), *_body(problem.text), *_change_blocks(changes), _context(links, rule)]
    where = f" ({problem.service})" if problem.service else ""
    return {"text": escape(f"{what}: {title}{where}{f', {length}' if length else ''}", MAX_MESSAGE_TEXT), "blocks": blocks}


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
    links = {"Event": f"{address}/v1/events/{quote(event.id, safe='')}"} | event.links
    blocks = [_header(_KINDS.get(event.kind, _EVENT), title + how), *_fields(facts), *_body(event.text), _context(links, rule)]
    where = f" ({event.service})" if event.service else ""
    return {"text": escape(f"{event.kind}: {title}{where}{how}", MAX_MESSAGE_TEXT), "blocks": blocks}


def _header(emoji: str, text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(f"{emoji} {text}", MAX_HEADER), "emoji": True}}


def _fields(facts: dict[str, str]) -> list[Block]:
    texts = [f"*{name}*\n{escape(value, MAX_FIELD - 100)}" for name, value in facts.items() if value]
    return [{"type": "section", "fields": [_mrkdwn(text) for text in texts[:MAX_FIELDS]]}] if texts else []


def _body(text: str) -> list[Block]:
    return [{"type": "section", "text": _mrkdwn(escape(text, _MAX_BODY))}] if text.strip() else []


def _change_blocks(changes: list[WindowChange]) -> list[Block]:
    if not changes:
        return []
    lines = ["*What changed*", *(_change_line(change) for change in changes[:MAX_CHANGES])]
    return [{"type": "section", "text": _mrkdwn("\n".join(lines))}]


def _change_line(change: WindowChange) -> str:
    away = duration(int(abs(change.offset_seconds) * 1_000))
    when = "at its start" if change.offset_seconds == 0 else f"{away} {'before' if change.offset_seconds < 0 else 'after'}"
    summary = " · ".join(filter(None, (change.title or change.kind, change.status, change.service, change.actor)))
    return f"• *{escape(change.kind, 60)}* {when} ({change.relation.replace('_', ' ')}): {escape(summary, _MAX_LINE)}"


def _context(links: dict[str, str], rule: Rule) -> Block:
    link_texts = [link_text for name, url in list(links.items())[:_MAX_LINKS] if (link_text := link(url, name))]
    line = " | ".join([*link_texts, escape(f"subscription {rule.name or rule.id}", _MAX_LINE)])
    return {"type": "context", "elements": [_mrkdwn(line)]}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}
