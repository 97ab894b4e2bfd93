"""What a client asks of EscapeKit's query paths: which members of an event each path tests, and the page that is wanted.

One table says it all: a path under `/api/v1/events/query` to the members that it asks for. A member with a parameter must equal it, one
without must say something. Beyond the document stands the path of one named deployment; a deployment whose name is the
document's word `deployment` is not asked for by name.

What must change together: the members here and those of `causeline.schemas.dialects.escapekit.mapping`.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from causeline.query_api.questions.native import CursorPaging, cursor_paging
from causeline.query_api.questions.parameters import PAGING_PARAMETERS, ParsedParameters
from causeline.query_api.questions.query import EventFilter, RawTest
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.dialects.escapekit.mapping import INVENTORY_PROJECTS

BASE: Final = "/api/v1/events/query"
_BEYOND: Final = frozenset({"limit", "cursor"})


class PathMember(NamedTuple):
    """A member that a path asks for: it equals the path's parameter, or ('') it says something. `also` are its other names.

    `column` is the filter of a normalized column that such an event passes as well: a column is read much faster than JSON.
    """

    name: str
    parameter: str = ""
    also: tuple[str, ...] = ()
    column: Literal["", "services", "environments"] = ""

    def test(self, params: Mapping[str, str]) -> RawTest:
        """Return the test for the names of a path."""
        if not self.parameter:
            return RawTest(self.name, "exists", also=self.also)
        return RawTest(self.name, "eq", (params[self.parameter],), also=self.also)


_INVENTORY, *_OTHER_NAMES = INVENTORY_PROJECTS


def _inventory(parameter: str = "") -> PathMember:
    return PathMember(_INVENTORY, parameter, tuple(_OTHER_NAMES))


_APPLICATION: Final = PathMember("inventory_application", "application", column="services")
_PROJECT: Final = PathMember("state_project", "project")
_ENVIRONMENT: Final = PathMember("state_environment", "environment", column="environments")

PATH_MEMBERS: Final[Mapping[str, tuple[PathMember, ...]]] = {
    BASE: (),
    f"{BASE}/inventory": (_inventory(),),
    f"{BASE}/inventory/{{project}}": (_inventory("project"),),
    f"{BASE}/inventory/{{project}}/{{application}}": (_inventory("project"), _APPLICATION),
    f"{BASE}/inventory/{{project}}/{{application}}/{{version}}": (
        _inventory("project"),
        _APPLICATION,
        PathMember("inventory_version", "version"),
    ),
    f"{BASE}/project": (PathMember("state_project"),),
    f"{BASE}/project/{{project}}": (_PROJECT,),
    f"{BASE}/project/{{project}}/{{environment}}": (_PROJECT, _ENVIRONMENT),
    f"{BASE}/project/{{project}}/{{environment}}/deployment": (_PROJECT, _ENVIRONMENT, PathMember("state_deployment")),
    f"{BASE}/project/{{project}}/{{environment}}/{{deployment}}": (_PROJECT, _ENVIRONMENT, PathMember("state_deployment", "deployment")),
}
"""EscapeKit, "Inventory Events" and "State Events". A trailing slash is optional on all of them."""


def name_in_path(text: str) -> str:
    """Return the name that a segment of a path says.

    The HTTP server hands over a path that is decoded: by then `%2F` is a slash like any other, and parts names. So a slash within a name
    comes as `%252F`, of which `%2F` is left here.
    """
    return text.replace("%2F", "/").replace("%2f", "/")


class PathQuestion(NamedTuple):
    """Events, newest first, and the page of them."""

    where: EventFilter
    paging: CursorPaging


def path_question(
    members: tuple[PathMember, ...],
    params: Mapping[str, str],
    pairs: list[tuple[str, str]],
    *,
    tenant: str,
    groups: tuple[str, ...] | None,
    now: int,
) -> PathQuestion:
    """Return the question of a path, its parameters and the query string. Raises Invalid.

    `limit` and `cursor` are beyond the document; other parameters are ignored, as fields are that it does not know.
    """
    params = {parameter: name_in_path(text) for parameter, text in params.items()}
    tests = tuple(member.test(params) for member in members)
    arguments = ParsedParameters(PAGING_PARAMETERS, [(name, value) for name, value in pairs if name in _BEYOND], now)
    page = cursor_paging(arguments, f"escapekit {tests}")
    arguments.check()
    where = EventFilter(
        tenant=tenant,
        groups=groups,
        dialects=(ESCAPEKIT.name,),
        services=tuple(params[member.parameter] for member in members if member.column == "services"),
        environments=tuple(params[member.parameter] for member in members if member.column == "environments"),
        raw=tests,
    )
    return PathQuestion(where, page)
