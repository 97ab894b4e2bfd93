"""The blocks that messages for Slack are made of, within its limits.

Source of the limits: Slack's reference of layout blocks (header 150 characters, text objects 3,000, fields 2,000, at most 10 of them).
"""

from typing import Any, Final

from causeline.processors.workers.slack_text import cut, escape, link
from causeline.schemas.subscriptions.rules import Rule

Block = dict[str, Any]
SlackMessage = dict[str, Any]

MAX_HEADER: Final = 150
MAX_MESSAGE_TEXT: Final = 3_000
MAX_FIELD: Final = 2_000
MAX_FIELDS: Final = 10
MAX_LINE: Final = 400
_MAX_BODY: Final = 700
_MAX_LINKS: Final = 5


def header_block(emoji: str, text: str) -> Block:
    """Return what stands above a message."""
    return {"type": "header", "text": {"type": "plain_text", "text": cut(f"{emoji} {text}", MAX_HEADER), "emoji": True}}


def line_block(text: str) -> Block:
    """Return lines of mrkdwn, escaped already, as a block."""
    return {"type": "section", "text": mrkdwn(text)}


def fact_blocks(facts: dict[str, str]) -> list[Block]:
    """Return the facts that are not empty, in two columns."""
    texts = [f"*{name}*\n{escape(value, MAX_FIELD - 100)}" for name, value in facts.items() if value]
    return [{"type": "section", "fields": [mrkdwn(text) for text in texts[:MAX_FIELDS]]}] if texts else []


def text_blocks(text: str) -> list[Block]:
    """Return the beginning of a text of somebody."""
    return [line_block(escape(text, _MAX_BODY))] if text.strip() else []


def context_block(links: dict[str, str], rule: Rule) -> Block:
    """Return what stands below a message: links, and whose subscription it is."""
    link_texts = [link_text for name, url in list(links.items())[:_MAX_LINKS] if (link_text := link(url, name))]
    line = " | ".join([*link_texts, escape(f"subscription {rule.name or rule.id}", MAX_LINE)])
    return {"type": "context", "elements": [mrkdwn(line)]}


def mrkdwn(text: str) -> Block:
    """Return a text object of escaped text."""
    return {"type": "mrkdwn", "text": text}
