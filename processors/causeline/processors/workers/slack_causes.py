"""Causes in messages for Slack: one line of a problem's message, and the message of a ranking of its own."""

from typing import Final
from urllib.parse import quote

from causeline.processors.workers.cause_summaries import CauseSummary, SummaryCause, summarize
from causeline.processors.workers.slack_blocks import MAX_MESSAGE_TEXT, SlackMessage, context_block, fact_blocks, header_block, line_block
from causeline.processors.workers.slack_text import distance, escape
from causeline.schemas.records.causes import CauseRevision, CauseVerdict
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.web.page_addresses import PROBLEM_PAGE, page_address

_MAX_SPOTS: Final = 500
_MAX_NAME: Final = 120
_MAX_REASON: Final = 300

_HEADERS: Final[dict[CauseVerdict, tuple[str, str]]] = {
    "likely": (":dart:", "Likely cause"),
    "possible": (":mag:", "Possible causes"),
    "none": (":heavy_minus_sign:", "No change did this"),
    "unknown": (":grey_question:", "Cause unknown"),
}
_KNOWN: Final = {"confirmed": "confirmed", "implied": "its rollback ended the problem"}
"""By what people said of a change, what stands in place of its probability."""
_PLURALS: Final = {"infrastructure": "infrastructure changes", "scale": "scaling", "drift": "drift"}


def cause_line(summary: CauseSummary) -> str:
    """Return what did it, in one line of mrkdwn; empty where that cannot be said."""
    if summary.verdict == "none":
        return f"No change did this ({_percent(summary.none_probability)})"
    if summary.verdict == "unknown":
        return f"Unknown: nobody reports {_spots(summary)}"
    if not summary.causes:
        return ""
    if summary.verdict == "likely" and summary.causes[0].feedback in _KNOWN:
        return f"Cause: {_name(summary.causes[0])}"
    if summary.verdict == "likely":
        return f"Likely cause: {_name(summary.causes[0])}"
    return f"Possible: {'; '.join(_name(cause) for cause in summary.causes)}"


def causes_message(revision: CauseRevision, rule: Rule, address: str) -> SlackMessage:
    """Return the message of a ranking; `address` is the server's in links."""
    emoji, what = _HEADERS[revision.verdict]
    title = revision.title or revision.kind
    summary = summarize(revision)
    facts = {
        "State": revision.state,
        "Service": revision.service,
        "Environment": revision.environment,
        "Priority": revision.priority,
        "No change": _percent(revision.none_probability),
        "Ranked": f"{revision.candidates} changes",
    }
    links = {
        "Problem": page_address(PROBLEM_PAGE, revision.id, address),
        "Causes": f"{address}/v1/problems/{quote(revision.id, safe='')}/causes",
    }
    reasons = "\n".join(_reason(cause) for cause in summary.causes if cause.reason)
    line = cause_line(summary)
    blocks = [
        header_block(emoji, f"{what}: {title}"),
        *(line_block(each) for each in (line, reasons) if each),
        *fact_blocks(facts),
        context_block(links, rule),
    ]
    text = escape(f"{what}: {title}", MAX_MESSAGE_TEXT // 2)
    return {"text": f"{text}\n{line}" if line else text, "blocks": blocks}


def _name(cause: SummaryCause) -> str:
    name = " ".join(filter(None, (cause.kind.replace("_", " "), cause.title or cause.service)))
    return f"{escape(name, 2 * _MAX_NAME)}, {distance(cause.offset_seconds)} ({_KNOWN.get(cause.feedback) or _percent(cause.probability)})"


def _reason(cause: SummaryCause) -> str:
    return f"• *{escape(cause.title or cause.kind, _MAX_NAME)}*: {escape(cause.reason, _MAX_REASON)}"


def _spots(summary: CauseSummary) -> str:
    spots = [f"{_PLURALS.get(kind, f'{kind}s'.replace('_', ' '))} of {service}" for service, kind in summary.blind_spots]
    return escape(" and ".join(spots), _MAX_SPOTS) or "what changes there"


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"
