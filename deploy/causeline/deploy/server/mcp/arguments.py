"""The arguments of a tool's call, judged by the tool's schema: bounded work, and messages that name the argument and never repeat it.

The SDK would judge them with a general validator, which looks at every item of a list that is too long and puts the whole of it into the
message: 60 kB of numbers were half a second of silence. Here a length comes before what it is the length of. Pure.

What must change together: the words of JSON Schema that `tools.py` uses, and those below (a test draws arguments and
compares with a general validator).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from causeline.schemas.web.errors import FieldError, Invalid
from causeline.schemas.web.openapi import Schema

Arguments = Mapping[str, Any]

_MOST_UNKNOWN: Final = 5
"""Unknown arguments that a refusal names: one mistake has one name, and a body of 64 KiB has room for thousands."""
_SHOWN: Final = 60


def argument_errors(schema: Schema, arguments: Arguments) -> list[FieldError]:
    """Return what is wrong with the arguments of a call, one reason each; `schema` is the tool's, an object with properties."""
    properties: Mapping[str, Schema] = schema["properties"]
    unknown = [name for name in arguments if name not in properties]
    errors = [FieldError(name[:_SHOWN], "is not an argument of this tool") for name in unknown[:_MOST_UNKNOWN]]
    errors += [FieldError(name, "is required") for name in schema["required"] if name not in arguments]
    for name, one in properties.items():
        if name in arguments and (reason := _reason(one, arguments[name])):
            errors.append(FieldError(name, reason))
    return errors


def check_arguments(schema: Schema, arguments: Arguments) -> None:
    """Raise Invalid with all that is wrong with the arguments of a call, if anything is."""
    if errors := argument_errors(schema, arguments):
        raise Invalid.naming(errors)


def _reason(schema: Schema, value: Any) -> str:
    """Return why a value does not fit, '' where it does."""
    if "anyOf" in schema:
        text, several = schema["anyOf"]
        return _reason(text, value) if isinstance(value, str) else _judge(several, value, "a text or a list of texts")
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None and "null" in types:
        return ""
    return _judge(schema, value, _KINDS[types[0]])


def _judge(schema: Schema, value: Any, kind: str) -> str:
    main = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if isinstance(value, bool) or not isinstance(value, _TYPES[main]):
        return f"must be {kind}"
    return _RULES[main](schema, value)


def _text(schema: Schema, value: str) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if len(value) < least:
        return "must not be empty"
    if most is not None and len(value) > most:
        return f"is longer than {most:,} characters"
    choices: Iterable[str] = schema.get("enum", ())
    return f"must be one of {', '.join(choices)}" if choices and value not in choices else ""


def _number(schema: Schema, value: int) -> str:
    least, most = schema["minimum"], schema["maximum"]
    return "" if least <= value <= most else f"must be from {least} to {most}"


def _several(schema: Schema, value: list[Any]) -> str:
    least, most = schema["minItems"], schema["maxItems"]
    if not least <= len(value) <= most:
        return f"takes {least} to {most} values" if most > least else "takes one value"
    return next((f"[{i}] {reason}" for i, item in enumerate(value) if (reason := _reason(schema["items"], item))), "")


def _any(_schema: Schema, _value: Any) -> str:
    return ""


_KINDS: Final = {"string": "a text", "integer": "a whole number", "array": "a list", "object": "an object"}
_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int, "array": list, "object": dict}
_RULES: Final[Mapping[str, Callable[[Schema, Any], str]]] = {"string": _text, "integer": _number, "array": _several, "object": _any}
