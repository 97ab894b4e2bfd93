"""How subscriptions fare, in memory: the shipped twin of the compacted topic, filled by `put`."""

from causeline.schemas.records.delivery import Health


class MemoryHealth:
    """A HealthView over a dictionary."""

    def __init__(self) -> None:
        self._newest: dict[str, Health] = {}

    def put(self, subscription_id: str, health: Health | None) -> None:
        """Take in what the processors say; None: the subscription was deleted."""
        if health is None:
            self._newest.pop(subscription_id, None)
        else:
            self._newest[subscription_id] = health

    def of(self, subscription_id: str) -> Health | None:
        """Return the newest that is known of a subscription."""
        return self._newest.get(subscription_id)
