"""Tests and order by a member of the JSON that a client sent, in SQL. Member names and values are bound.

What must change together: these expressions and the rules of `raw_members.py`, which say the same to the memory store.
"""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from causeline.query_api.questions.query import Document, RawSort, RawTest, RawValue, TextFold
from causeline.query_api.questions.raw_members import BLANK, apply_fold, as_number, text_of
from causeline.query_api.sql.binding import Binding

_ORDERS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_INT64: Final = range(-(1 << 63), 1 << 63)
_UINT64: Final = range(1 << 64)
_DOCUMENTS: Final[Mapping[Document, str]] = {
    "sent": "{0}.raw",
    "own": "concat('{{\"id\":\"', {0}.id, '\",\"timestamp\":\"', replaceOne(toString({0}.ts), ' ', 'T'), 'Z\"}}')",
}
_FOLDS: Final[Mapping[TextFold, str]] = {"": "{0}", "case": "lower({0})", "word": "replaceRegexpAll(lower({0}), '[_-]', '')"}
_BLANK: Final = "".join({"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(letter, letter) for letter in BLANK)


class _Place(NamedTuple):
    """Where a value lies: the text of a document, and its key (a bound name, or 1 for the first element of an array)."""

    document: str
    key: str

    def ask(self, function: str) -> str:
        return f"{function}({self.document}, {self.key})"

    @property
    def kind(self) -> str:
        return self.ask("JSONType")

    @property
    def is_text(self) -> str:
        return f"{self.kind} IN ('String', 'Bool')"

    @property
    def text(self) -> str:
        """Return what stands for a string, a boolean or null as text."""
        return f"if({self.kind} = 'String', {self.ask('JSONExtractString')}, {self.ask('JSONExtractRaw')})"


def condition(bind: Binding, alias: str, test: RawTest) -> str:
    """Return the condition that an event (a row of that alias) passes a test under one of the names of its member."""
    document = _DOCUMENTS[test.document].format(alias)
    conditions = [_passes(bind, _Place(document, bind.text(name)), test) for name in (test.member, *test.also)]
    return f"({' OR '.join(conditions)})"


def _passes(bind: Binding, place: _Place, test: RawTest) -> str:
    if test.op == "exists":
        has_content = f"({place.kind} != 'String' OR trim(BOTH '{_BLANK}' FROM {place.ask('JSONExtractString')}) != '')"
        return f"({place.ask('JSONHas')} AND {place.kind} != 'Null' AND {has_content})"
    if test.op == "has_any":
        element = _any(bind, _Place("concat('[', x, ']')", "1"), test.values)
        return f"({place.kind} = 'Array' AND arrayExists(x -> {element}, {place.ask('JSONExtractArrayRaw')}))"
    if test.op in _ORDERS:
        return f"({' AND '.join(_order_condition(bind, place, _ORDERS[test.op], value) for value in test.values) or 'true'})"
    equality = f"({place.ask('JSONHas')} AND {_any(bind, place, test.values, test.fold)})"
    return f"(NOT {equality})" if test.op == "ne" else equality


def order(bind: Binding, alias: str, sort: RawSort) -> str:
    """Return what an ORDER BY begins with: absent members last in either direction."""
    place = _Place(_DOCUMENTS[sort.document].format(alias), bind.text(sort.member))
    direction = "desc" if sort.descending else "asc"
    integer = f"multiIf({place.kind} = 'Int64', toInt128({place.ask('JSONExtractInt')}), {place.kind} = 'UInt64', "
    integer += f"toInt128({place.ask('JSONExtractUInt')}), toInt128(0))"
    double = f"multiIf({place.kind} = 'Double', {place.ask('JSONExtractFloat')}, toFloat64({integer}))"
    text = f"if({place.is_text}, {place.text}, '')"
    absent = f"{place.kind} IN ('Null', 'Array', 'Object')"
    return f"{absent} asc, {place.is_text} {direction}, {double} {direction}, {integer} {direction}, {text} {direction}"


def _any(bind: Binding, place: _Place, values: tuple[RawValue, ...], fold: TextFold = "") -> str:
    choices = bind.texts([apply_fold(text_of(value), fold) for value in values])
    texts = f"({place.is_text} OR {place.kind} = 'Null') AND has({choices}, {_FOLDS[fold].format(place.text)})"
    return f"({' OR '.join([f'({texts})', *_equals(bind, place, values)])})"


def _equals(bind: Binding, place: _Place, values: tuple[RawValue, ...]) -> list[str]:
    """Return the conditions that a number is one of those that the values are or spell: one of each kind, however many values there are."""
    numbers = [number for number in map(as_number, values) if number is not None]
    whole = [int(number) for number in numbers if isinstance(number, int) or (math.isfinite(number) and number.is_integer())]
    kinds = (
        ("Int64", "JSONExtractInt", "Int64", [number for number in whole if number in _INT64]),
        ("UInt64", "JSONExtractUInt", "UInt64", [number for number in whole if number in _UINT64]),
        ("Double", "JSONExtractFloat", "Float64", [float(number) for number in numbers if float(number) == number]),
    )
    return [
        f"({place.kind} = '{kind}' AND has({bind.several(of, candidates)}, {place.ask(function)}))"
        for kind, function, of, candidates in kinds
        if candidates
    ]


def _order_condition(bind: Binding, place: _Place, sign: str, value: RawValue) -> str:
    number = as_number(value)
    texts = f"({place.is_text} AND {place.text} {sign} {bind.text(text_of(value))})"
    return texts if number is None else f"({texts} OR {_comparison(bind, place, sign, number)})"


def _comparison(bind: Binding, place: _Place, sign: str, number: float) -> str:
    """Return the comparison of a number with a number: the engine compares integers with doubles exactly."""
    value = bind.real(number) if isinstance(number, float) else bind.number(number) if number in _INT64 else bind.unsigned(number)
    kinds = (("Int64", "JSONExtractInt"), ("UInt64", "JSONExtractUInt"), ("Double", "JSONExtractFloat"))
    return " OR ".join(f"({place.kind} = '{kind}' AND {place.ask(function)} {sign} {value})" for kind, function in kinds)
