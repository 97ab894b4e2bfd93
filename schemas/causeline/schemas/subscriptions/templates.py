"""Templates of webhook bodies (Jinja2), written by tenants: bounded by construction, since a thread that runs one cannot be stopped.

A template is data with holes. It has no loader, no macros and no functions, only filters of a closed list and the look-ups of a mapping;
anything that repeats or grows goes through a meter: each turn of a loop costs what its body holds, each text that is made costs its length.
What remains costs at most `_STEPS` small steps, whatever the template says.
"""

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import lru_cache
from typing import Any, Final, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

MAX_TEMPLATE: Final = 16_384
MAX_OUTPUT: Final = 262_144
_STEPS: Final = 200_000
_CHARACTERS_A_STEP: Final = 16
_METER: Final = "_meter"
_MULTIPLYING: Final = frozenset({"join", "replace", "sort", "tojson", "trim", "truncate", "unique"})
"""Filters that may take as long as what they are given times an argument: a text that is put in often, an indent, an attribute's path."""
_SCALARS: Final = (int, float, type(None), jinja2.Undefined)
"""What a template may hold besides texts, lists and mappings: a method that is not called would show where it lies in memory."""
_METHODS: Final = frozenset({"items", "keys", "values", "get"})
_FILTERS: Final = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "int", "items", "join", "last", "length"),
    *("list", "lower", "replace", "reverse", "round", "sort", "string", "title", "tojson", "trim", "truncate", "unique", "upper"),
    "urlencode",
)
_REFUSED: Final = (
    *(nodes.Macro, nodes.CallBlock, nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block, nodes.FilterBlock),
    *(nodes.Pow, nodes.Mul, nodes.AssignBlock, nodes.NSRef),
)


class TemplateFailed(Exception):
    """The template cannot be used, or failed for this payload; the message says why."""


class _Meter:
    """What is left of the steps of one rendering."""

    def __init__(self) -> None:
        self.steps_left = _STEPS

    def take(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TemplateFailed("takes too many steps")


def check_template(text: str) -> None:
    """Look whether a template can be used: it compiles, and renders a sample of each kind. Raises TemplateFailed."""
    for sample in _SAMPLES:
        render(text, sample)


def render(text: str, payload: Mapping[str, Any]) -> str:
    """Return the body for a payload (JSON values), at most 256 KiB. Raises TemplateFailed."""
    try:
        return _join(_compile(text).generate({**payload, _METER: _Meter()}))
    except TemplateFailed:
        raise
    except jinja2.TemplateError as error:
        raise TemplateFailed(error.message or type(error).__name__) from error
    except Exception as error:  # whatever a filter raises for a value that it does not like
        raise TemplateFailed(f"{type(error).__name__}: {error}") from error


def _join(pieces: Iterator[str]) -> str:
    out: list[str] = []
    size = 0
    for piece in pieces:
        out.append(piece)
        size += len(piece.encode())
        if size > MAX_OUTPUT:
            raise TemplateFailed(f"makes more than {MAX_OUTPUT >> 10} KiB")
    return "".join(out)


@lru_cache(maxsize=256)
def _compile(text: str) -> jinja2.Template:
    if len(text) > MAX_TEMPLATE:
        raise TemplateFailed(f"has more than {MAX_TEMPLATE} characters")
    try:
        tree = _ENVIRONMENT.parse(text)
        _refuse_unbounded(tree)
        _Metering().visit(tree)
        # By the public compile of a tree: what `from_string` does after parsing.
        code = _ENVIRONMENT.compile(tree)
        return _ENVIRONMENT.template_class.from_code(_ENVIRONMENT, code, _ENVIRONMENT.make_globals(None), None)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateFailed(f"line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise TemplateFailed("is nested too deeply") from error


def _refuse_unbounded(tree: nodes.Template) -> None:
    """Refuse what the meter cannot measure. Raises jinja2.TemplateSyntaxError."""
    for node in tree.find_all(_REFUSED):
        _refuse(node, f"{type(node).__name__.lower()} is not allowed")
    for call in tree.find_all(nodes.Call):
        if not isinstance(call.node, nodes.Getattr) or call.node.attr not in _METHODS:
            _refuse(call, "functions are not allowed, only filters")
    for filter_node in tree.find_all(nodes.Filter):
        if filter_node.name not in _FILTERS:
            _refuse(filter_node, f"there is no filter {filter_node.name}")
    for name in tree.find_all(nodes.Name):
        if name.name.startswith("_"):
            _refuse(name, "names do not begin with _")
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            _refuse(loop, "recursive loops are not allowed")


class _Metering(NodeTransformer):
    """Leads through the meter what repeats (loops), what looks at everything (comparisons, tests, slices), and what grows.

    That is `~`, and literals of lists and mappings, which may hold each other.
    """

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Let a turn cost what the loop holds."""
        cost = nodes.Const(1 + sum(1 for _ in node.find_all(nodes.Node)))
        self.generic_visit(node)
        node.iter = _through("_turns", node.iter, cost)  # type: ignore[arg-type] # what a loop is over is an expression
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for each part: a text that is doubled is paid for twice."""
        self.generic_visit(node)
        parts: list[nodes.Expr] = [_through("_text", part) for part in node.nodes]
        node.nodes = parts
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for both sides: `in` and `==` may look at all of them."""
        self.generic_visit(node)
        node.expr = _through("_pay_for", node.expr)
        for operand in node.ops:
            operand.expr = _through("_pay_for", operand.expr)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for what is tested, and for what it is tested against."""
        self.generic_visit(node)
        node.node = _through("_pay_for", node.node)
        node.args = [_through("_pay_for", argument) for argument in node.args]
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for what a slice is cut from."""
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _through("_pay_for", node.node)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for all that it holds."""
        return _through("_pay_for", self.generic_visit(node))  # type: ignore[arg-type]

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for all that it holds."""
        return _through("_pay_for", self.generic_visit(node))  # type: ignore[arg-type]

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - jinja2 finds it by this name
        """Pay for all that it holds, where it is not the names of a loop or an assignment."""
        self.generic_visit(node)
        return _through("_pay_for", node) if node.ctx == "load" else node


def _through(name: str, inner: nodes.Expr, *args: nodes.Expr) -> nodes.Expr:
    filter_node = nodes.Filter(inner, name, list(args), [], None, None)
    filter_node.set_lineno(inner.lineno)
    return filter_node


def _refuse(node: nodes.Node, why: str) -> NoReturn:
    raise jinja2.TemplateSyntaxError(why, node.lineno)


def _meter(context: Context) -> _Meter:
    meter: _Meter = context[_METER]
    return meter


@pass_context
def _turns(context: Context, values: Any, cost: int) -> Iterator[Any]:
    meter = _meter(context)
    for value in values:
        meter.take(cost)
        yield value


@pass_context
def _pay_for(context: Context, value: Any) -> Any:
    """Return a value, and pay for all that it holds."""
    _pay(_meter(context), value)
    return value


@pass_context
def _text(context: Context, value: Any) -> Any:
    """Return the text of a value, and pay for it."""
    _pay(_meter(context), value)
    return str(value)


def _charge(name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that pays for what it is given and for what it returns."""
    wants = getattr(inner, "jinja_pass_arg", None)

    @pass_context
    def call(context: Context, value: Any, *args: Any, **options: Any) -> Any:
        meter = _meter(context)
        size = _pay(meter, value)
        sizes = [_pay(meter, argument) for argument in (*args, *options.values())]
        if name == "round":  # makes 10 to the power of its argument
            meter.take(max(sizes, default=0))
        elif name in _MULTIPLYING:
            meter.take((size + 1) * max(sizes, default=1) // _CHARACTERS_A_STEP)
        first = () if wants is None else (context,) if wants.name == "context" else (_first_argument(context, wants.name),)
        result = inner(*first, value, *args, **options)
        if isinstance(result, Iterator):
            result = list(result)
        _pay(meter, result)
        return result

    return call


def _first_argument(context: Context, kind: str) -> Any:
    return context.environment if kind == "environment" else context.eval_ctx


def _pay(meter: _Meter, value: Any) -> int:
    """Take the steps for a value and all that it holds; return about how many characters that is."""
    if isinstance(value, str):
        size = len(value)
        meter.take(1 + size // _CHARACTERS_A_STEP)
        return size
    meter.take(1)
    if isinstance(value, Mapping):
        return sum(len(str(key)) + _pay(meter, item) + 1 for key, item in value.items())
    if isinstance(value, list | tuple | KeysView | ValuesView | ItemsView):
        return sum(_pay(meter, item) + 1 for item in value)
    if not isinstance(value, _SCALARS):
        raise TemplateFailed(f"{type(value).__name__} is not a value: a method is called with ()")
    return abs(value) if isinstance(value, int) else 1


class _Environment(ImmutableSandboxedEnvironment):
    """Numbers are added, texts are not: `~` joins them, through the meter."""

    intercepted_binops = frozenset({"+", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(value, int | float) for value in (left, right)):
            raise TemplateFailed(f"{operator} is for numbers; ~ joins texts")
        return super().call_binop(context, operator, left, right)


def _environment() -> _Environment:
    environment = _Environment(autoescape=False, undefined=jinja2.ChainableUndefined, optimized=False, cache_size=0, finalize=_text)
    environment.globals.clear()
    environment.filters = {name: _charge(name, environment.filters[name]) for name in _FILTERS}
    environment.filters["_turns"] = _turns
    environment.filters |= {"_text": _text, "_pay_for": _pay_for}
    return environment


_ENVIRONMENT: Final = _environment()

_COLUMNS: Final = {
    **dict.fromkeys(("id", "kind", "status", "title", "text", "service", "environment", "priority", "severity", "source", "owner"), "x"),
    **dict.fromkeys(("actor", "commit", "repo", "branch", "team", "project", "application", "release", "dialect", "tenant"), "x"),
    **dict.fromkeys(("ts", "start", "end", "ingest_ts", "updated_ts", "at", "last_receipt"), "2026-01-01T00:00:00.000Z"),
    "version": 1,
    "state": "open",
    "transition": "opened",
    "refresh_count": 0,
    "deadline": None,
    "tags": {"team": "shop"},
    "entities": ["HOST-1"],
    "links": {"runbook": "https://example.com/"},
    "raw": {},
}
_EVENT: Final = {"id": "x", "kind": "deployment", "title": "x", "service": "x", "ts": "2026-01-01T00:00:00.000Z"}
_CAUSE: Final = {"probability": 0.5, "offset_seconds": -1.0, "relation": "same_service", "score": 1.0, "feedback": None}
_REASON: Final = {"feature": "time", "contribution": 1.0, "text": "x"}
_RANKING: Final = {
    **dict.fromkeys(("verdict", "occasion", "model", "computed_at", "as_of"), "x"),
    **dict.fromkeys(("none_probability", "none_score"), 0.5),
    **dict.fromkeys(("revision", "candidates"), 1),
    **dict.fromkeys(("truncated", "provisional"), False),
    "problem": _COLUMNS,
    "blind_spots": [{"service": "x", "kind": "x"}],
    "causes": [{**_CAUSE, "event": _EVENT, "reasons": [_REASON]}],
}
_SUMMARY: Final = {
    "verdict": "likely",
    "none_probability": 0.5,
    "revision": 1,
    "causes": [{**_EVENT, "event_id": "x", "probability": 0.5, "offset_seconds": -1.0, "reason": "x"}],
}
_PAGE: Final = {"url": "https://example.com/"}
_SAMPLES: Final = tuple(
    {
        "type": kind,
        "version": 1,
        "timestamp": "2026-01-01T00:00:00.000Z",
        "subscription": {"id": "x", "name": "x"},
        "data": data,
        **members,
    }
    for kind, data, members in (
        ("event.created", _COLUMNS, _PAGE),
        ("problem.opened", _COLUMNS, {"causes": None, "causes_url": "https://example.com/", **_PAGE}),
        ("problem.opened", _COLUMNS, {"causes": _SUMMARY, "causes_url": "https://example.com/", **_PAGE}),
        ("causes.likely", _COLUMNS | _RANKING, _PAGE),
        ("test", _COLUMNS, {}),
    )
)
