"""What `causeline deliveries` asks of a running server."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from causeline.deploy.adapters.api_client import CommandClient, QueryParameters, segment
from causeline.deploy.variables import DELIVERIES_TOKEN

RETRY_PAGE: Final = 200
"""Deliveries that one request begins again: about a second, and what is repeated where its answer is lost."""


class DeliveryClient(CommandClient):
    """One server. Every method raises ApiError."""

    variable = DELIVERIES_TOKEN
    scopes = "to retry takes `admin`, to list and show takes `read`"

    def list_deliveries(self, parameters: QueryParameters, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield deliveries, page after page, at most `limit` of them."""
        return self._api.list_items("/v1/deliveries", "deliveries", parameters, limit)

    def one(self, delivery_id: str) -> dict[str, Any]:
        """Return a delivery with its attempts."""
        return self._api.call("GET", f"/v1/deliveries/{segment(delivery_id)}")

    def retry(self, delivery_id: str) -> None:
        """Begin a dead delivery again. Raises RequestRefused where it is not there or not dead."""
        self._api.call("POST", f"/v1/deliveries/{segment(delivery_id)}/retry")

    def retry_all(self, subscription: str, window: Mapping[str, str]) -> Iterator[int]:
        """Begin the dead deliveries of a subscription again, oldest first; yield how many, portion by portion."""
        cursor: str | None = None
        while True:
            body = {**window, "limit": RETRY_PAGE, "cursor": cursor}
            page = self._api.call("POST", f"/v1/subscriptions/{segment(subscription)}/retry", json=body)
            yield int(page["retried"])
            cursor = page["next_cursor"]
            if cursor is None:
                return
