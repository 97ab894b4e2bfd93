"""A DORA metric of the API in words: its name, its value, of how much it is, and what is not known and why. Pure.

What must change together: these words and the metrics (`dora/dora_metrics.py`), whose reasons and states they explain.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from causeline.query_api.ui.wording import count_nouns, show_duration

UNKNOWN_VALUE: Final = "not known"
FIVE_METRICS: Final = (
    "deployment_frequency",
    "change_lead_time",
    "change_fail_rate",
    "failed_deployment_recovery_time",
    "deployment_rework_rate",
)
OLDER_METRIC: Final = "time_to_restore"
"""The fourth metric until 2021, for who still reports it."""
METRIC_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "deployment_frequency": "Deployment frequency",
        "change_lead_time": "Change lead time",
        "change_fail_rate": "Change fail rate",
        "failed_deployment_recovery_time": "Failed deployment recovery time",
        "deployment_rework_rate": "Deployment rework rate",
        OLDER_METRIC: "Time to restore",
    }
)
_WEEK: Final = 7
_NOUNS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "deployment_frequency": ("deployment", ""),
        "change_lead_time": ("commit", ""),
        "change_fail_rate": ("deployment", ""),
        "failed_deployment_recovery_time": ("failed deployment", ""),
        "deployment_rework_rate": ("deployment", ""),
        OLDER_METRIC: ("problem", ""),
    }
)
_LEFT_OUT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "failed_attempts": ("attempts that failed before anything of them succeeded", "They are no deployments; nothing has to be sent."),
        "unknown_environment": ("deployments to nobody knows where", "Send `environment` with each deployment."),
        "not_positive": ("commits that are not older than the end of their deployment", "Look at the times that are sent with `commits`."),
        "unknown_time": ("commits without a time", "Send `commits` with a `time` each, or an event of kind `commit` for each."),
        "still_open": ("that are not over", "Nothing is missing: they count as soon as they end."),
        "timed_out": ("whose problem ended by its timeout", "Send the end of a problem; or let the definition count timeouts."),
        "abandoned": ("whose problem was given up", "Nothing is missing: nobody knows when it ended."),
    }
)
_NO_DEPLOYMENT: Final = "Send events of kind `deployment` with `service`, `environment` and `status` at their end."
_NO_PROBLEM: Final = "Send problems: native incidents, or those of CTO.ai, Tracker, ApiTraffic or DESK."
_NO_COMMIT: Final = "Send `commits` with each deployment, each with an `id` and a `time`."


class Gap(NamedTuple):
    """What a metric does not know or leaves out, and what would change that."""

    metric: str
    text: str
    remedy: Markup


def mark_code(text: str) -> Markup:
    """Return words of ours, in which backticks stand around what is code, as HTML."""
    parts = (Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(text.split("`")))
    return Markup("").join(parts)


def show_metric(metric: Mapping[str, Any]) -> str:
    """Return the value of a metric as people read it, `not known` where it is null."""
    value = metric["value"]
    if value is None:
        return UNKNOWN_VALUE
    match metric["unit"]:
        case "per_day":
            return f"{value:.1f} a day" if value >= 1 else f"{value * _WEEK:.1f} a week"
        case "ratio":
            return f"{value * 100:.1f} %"
        case _:
            return show_duration(value)


def show_count(name: str, metric: Mapping[str, Any]) -> str:
    """Return of how much a metric is: `1 of 6 deployments`, `7 commits`."""
    whole = count_nouns(metric["n"], *_NOUNS[name])
    if metric["unit"] == "ratio" and metric["value"] is not None:
        return f"{metric['numerator']:,} of {whole}"
    return whole


def show_interval(metric: Mapping[str, Any]) -> str:
    """Return the interval of a share in percents, '' where there is none."""
    if metric["interval"] is None or metric["value"] is None:
        return ""
    low, high = metric["interval"]
    return f"{low * 100:.0f} to {high * 100:.0f} %"


def why_unknown(name: str, metric: Mapping[str, Any]) -> str:
    """Return why a metric has no value, or why it says little; '' where it does neither."""
    if metric["state"] == "no_source":
        return "nobody ever reported a problem here"
    if metric["value"] is None or not metric["n"]:
        return f"there was no {_NOUNS[name][0]}" + (" whose time is known" if any(metric["excluded"].values()) else "")
    if metric["state"] == "too_few":
        return f"of only {show_count(name, metric)}"
    return ""


def gaps_of(metrics: Mapping[str, Mapping[str, Any]]) -> list[Gap]:
    """Return what each metric lacks, and which source would give it, in the order of the metrics."""
    gaps: list[Gap] = []
    for name, title in METRIC_TITLES.items():
        metric = metrics[name]
        if metric["state"] == "no_source":
            gaps.append(Gap(title, "Nobody ever reported a problem here, so that nothing is known of failures.", mark_code(_NO_PROBLEM)))
        elif not metric["n"]:
            gaps.append(Gap(title, f"In this window {why_unknown(name, metric)}.", mark_code(_remedy(name))))
        if metric.get("partial"):
            gaps.append(Gap(title, "Of some deployments only the newest commit is known.", mark_code(_NO_COMMIT)))
        gaps += [
            Gap(title, f"Left out: {count:,} {_LEFT_OUT[reason][0]}.", mark_code(_LEFT_OUT[reason][1]))
            for reason, count in metric["excluded"].items()
            if count
        ]
    return gaps


def _remedy(name: str) -> str:
    match name:
        case "change_lead_time":
            return _NO_COMMIT
        case "failed_deployment_recovery_time" | "time_to_restore":
            return "Nothing is missing: there was nothing to recover from."
        case _:
            return _NO_DEPLOYMENT
