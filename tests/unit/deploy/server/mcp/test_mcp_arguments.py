"""Arguments are judged as a general validator of JSON Schema judges them, within bounds of work."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from causeline.deploy.server.mcp.arguments import argument_errors
from causeline.deploy.server.mcp.tools import TOOLS

LEAVES = st.none() | st.booleans() | st.integers(-1, 60) | st.sampled_from(["", "x", "deployment", "native", "open", "desc", "x" * 5_000])
VALUES = LEAVES | st.lists(LEAVES, max_size=25) | st.dictionaries(st.sampled_from("ab"), LEAVES, max_size=2)


@st.composite
def calls(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    tool = draw(st.sampled_from(TOOLS))
    names = st.sampled_from([*tool.schema["properties"], "unknown"])
    return tool.schema, draw(st.dictionaries(names, VALUES, max_size=6))


@settings(max_examples=400, deadline=None)
@given(calls())
def test_arguments_are_taken_and_refused_as_the_schema_says(call: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, arguments = call
    errors = list(Draft202012Validator(schema).iter_errors(arguments))
    problems = argument_errors(schema, arguments)
    assert bool(problems) == bool(errors)
    assert {str(error.path[0]) for error in errors if error.path} <= {field for field, _ in problems}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_schema_of_a_tool_is_one(tool: Any) -> None:
    Draft202012Validator.check_schema(tool.schema)


class Untouched(list[Any]):
    """A list whose items nobody may look at."""

    def __getitem__(self, _: Any) -> Any:
        raise AssertionError("an item was looked at")

    def __iter__(self) -> Any:
        raise AssertionError("an item was looked at")


def test_a_list_that_is_too_long_is_refused_by_its_length() -> None:
    search = next(tool for tool in TOOLS if tool.name == "search_events")
    assert argument_errors(search.schema, {"service": Untouched([1] * 480_000)}) == [("service", "takes 1 to 20 values")]
