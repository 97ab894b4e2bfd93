"""How DORA metrics are shown: a row a metric with what it counted and what it left out, a row a step or group. Pure.

Names of services are written by clients: nothing that steers a terminal is printed (`visible`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.table import Table

from causeline.deploy.commands.distances import short_duration
from causeline.deploy.terminal import visible

_NAME: Final = 32
_LONG: Final = 200

MetricsView = Mapping[str, Any]

_METRICS: Final[Mapping[str, str]] = {
    "deployment_frequency": "deployments",
    "change_lead_time": "lead time",
    "change_fail_rate": "fail rate",
    "failed_deployment_recovery_time": "recovery",
    "deployment_rework_rate": "rework",
    "time_to_restore": "restore",
}
"""Short names, for the headings of columns."""
_REASONS: Final[Mapping[str, str]] = {
    "failed_attempts": "failed before production",
    "unknown_environment": "of unknown environment",
    "not_positive": "not before their deployment",
    "unknown_time": "of unknown time",
    "still_open": "still open",
    "timed_out": "ended by timeout",
    "abandoned": "given up",
}
_STATES: Final[Mapping[str, str]] = {
    "ok": "",
    "too_few": "too few to say much",
    "no_source": "unknown: nobody ever reported a problem here",
}
_FILTERS: Final = ("service", "team", "repo", "project")


def scope_line(answer: MetricsView, parameters: Iterable[tuple[str, str]]) -> str:
    """Return whose numbers these are, and of when."""
    window = answer["window"]
    scope = ", ".join(f"{name} {visible(value, _NAME)}" for name, value in parameters if name in _FILTERS)
    return f"{visible(window['from'])} to {visible(window['to'])} ({visible(window['tz'])}), {scope or 'every service'}"


def definition_line(definition: MetricsView) -> str:
    """Return by which definition they were counted."""
    attribution = definition["attribution"]
    within = f"at most {visible(attribution['window'])} after" if attribution["window"] else "any time after"
    who = "by feedback and likely causes" if attribution["rule"] == "causes" else "to the latest deployment"
    replacement = f"; replaced for this answer: {', '.join(map(visible, definition['replaced']))}" if definition["replaced"] else ""
    production = visible(", ".join(definition["production"]), _LONG)
    return f"definition {definition['version']}: {production}; problems are given {who}, {within} it{replacement}"


def metric_table(metrics: MetricsView) -> Table:
    """Return a row a metric: value, 95 % interval, of how many, what was left out, and how much it says."""
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("metric", "left"), ("value", "right"), ("95 %", "right"), ("n", "right"), ("excluded", "left"), ("", "left")):
        table.add_column(heading, no_wrap=True, justify=justify)  # type: ignore[arg-type]
    for name, metric in metrics.items():
        interval = "-" if metric["interval"] is None else " to ".join(map(_share, metric["interval"]))
        left_out = ", ".join(f"{count} {_REASONS.get(reason, visible(reason))}" for reason, count in metric["excluded"].items() if count)
        table.add_row(visible(name.replace("_", " ")), _value(metric), interval, str(metric["n"]), left_out or "-", _note(metric))
    return table


def _note(metric: MetricsView) -> str:
    """Return how much a metric says, in words."""
    state = metric["state"]
    words = ["nothing to measure"] if state == "too_few" and not metric["n"] else [_STATES.get(state, visible(state))]
    if metric.get("partial"):
        words.append("of some deployments only the newest commit is known")
    days = metric.get("median_days_per_week")
    if days is not None:
        words.append(f"on {days:g} days of a median week")
    return "; ".join(filter(None, words))


def group_table(groups: Iterable[MetricsView]) -> Table:
    """Return a row a group: the value that it is of, and the values of its metrics."""
    return _value_table("", ((_group_name(group), group["metrics"]) for group in groups))


def _group_name(group: MetricsView) -> str:
    (value,) = (value for name, value in group.items() if name != "metrics")
    return visible(value, _NAME) or "(none)"


def step_table(steps: Iterable[MetricsView]) -> Table:
    """Return a row a step of the window: when it begins, and the values of its metrics."""
    return _value_table("from", ((visible(step["from"]), step["metrics"]) for step in steps))


def _value_table(heading: str, rows: Iterable[tuple[str, MetricsView]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(heading, no_wrap=True)
    table.add_column("n", no_wrap=True, justify="right")
    for name in _METRICS.values():
        table.add_column(name, no_wrap=True, justify="right")
    for name, metrics in rows:
        table.add_row(name, str(metrics["deployment_frequency"]["n"]), *(_value(metrics[metric]) for metric in _METRICS))
    return table


def _value(metric: MetricsView) -> str:
    value = metric["value"]
    if value is None:
        return "-"
    match metric["unit"]:
        case "ratio":
            return _share(value)
        case "per_day":
            return f"{value:.2f} a day"
        case _:
            return short_duration(value)


def _share(ratio: float) -> str:
    return f"{ratio:.1%}"
