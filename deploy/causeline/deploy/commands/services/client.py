"""What `causeline services` asks of a running server."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from causeline.deploy.adapters.api_client import CommandClient, QueryParameters, segment
from causeline.deploy.commands.services.catalogs import Members
from causeline.deploy.variables import SERVICES_TOKEN

IMPORT_PORTION: Final = 200
"""Services that one request brings: well under its 16 MiB, and what is repeated where its answer is lost."""
_PATH: Final = "/v1/services"


class ServiceClient(CommandClient):
    """One server. Every method raises ApiError."""

    variable = SERVICES_TOKEN
    scopes = "to list and show takes `read`, to import `ingest` beside it"

    def list_services(self, parameters: QueryParameters = ()) -> Iterator[Members]:
        """Yield services in the order of names, page after page."""
        return self._api.list_items(_PATH, "services", parameters)

    def one(self, name: str) -> Members:
        """Return a service. Raises RequestRefused where there is none."""
        return self._api.call("GET", f"{_PATH}/{segment(name)}")

    def put_all(self, services: Sequence[Members]) -> Iterator[tuple[Members, dict[str, Any]]]:
        """Replace services; yield each with its result, portion by portion."""
        for begin in range(0, len(services), IMPORT_PORTION):
            portion = services[begin : begin + IMPORT_PORTION]
            answer = self._api.call("POST", _PATH, json=portion)
            yield from zip(portion, answer["results"], strict=True)
