"""What `causeline causes` asks of a running server."""

from collections.abc import Iterator
from typing import Any

from causeline.deploy.adapters.api_client import CommandClient, segment
from causeline.deploy.variables import CAUSES_TOKEN


class CauseClient(CommandClient):
    """One server. Every method raises ApiError."""

    variable = CAUSES_TOKEN
    scopes = "what was said takes `admin`, rankings take `read`"

    def list_feedback(self) -> Iterator[dict[str, Any]]:
        """Yield everything that was said, page after page."""
        return self._api.list_items("/v1/feedback", "feedback", [])

    def terms(self, problem: str) -> dict[str, Any]:
        """Return the terms of a problem's ranking. Raises RequestRefused where there is no such problem."""
        return self._api.call("GET", f"/v1/problems/{segment(problem)}/causes/terms")
