"""What the handlers of feedback do after they have parsed: look at what holds, and write the configuration, a tenant's changes in turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from causeline.ingest.change_turns import ChangeTurns
from causeline.ingest.configuration import read_configuration
from causeline.ingest.feedback.changes import FeedbackChanges, FeedbackLimits
from causeline.ingest.ports import ConfigLog
from causeline.schemas.feedback.assessment import assessment_key
from causeline.schemas.feedback.view import FeedbackView, TenantFeedback
from causeline.schemas.records.config import FEEDBACK

_log: Final = structlog.get_logger(__name__)


class Assessing:
    """The feedback of one server. Two servers that take changes of one place at once: the last one on the log holds."""

    def __init__(self, config: ConfigLog, feedback: FeedbackView, limits: FeedbackLimits) -> None:
        self._config, self._feedback, self._limits = config, feedback, limits
        self._turns = ChangeTurns()

    async def of(self, tenant: str) -> TenantFeedback:
        """Return what holds of a tenant, once this server has read what was written before it began. Raises Unavailable."""
        await read_configuration(self._config)
        return self._feedback.of(tenant)

    @asynccontextmanager
    async def changing(self, tenant: str, now: int, key: str) -> AsyncIterator[FeedbackChanges]:
        """Give the changes of one request at `now` (ms UTC), and write at the end what came of them; nothing where the block raises.

        One request of a tenant after the other: how much there is, is decided by what holds. Raises Unavailable: the outcome is unknown.
        """
        async with self._turns.of(tenant):
            changes = FeedbackChanges(await self.of(tenant), self._limits, now, key)
            yield changes
            if changes.records:
                values = {assessment_key(tenant, place): record.value for place, record in changes.records.items()}
                await self._config.put_all(FEEDBACK, values)
                _log.info("feedback changed", tenant=tenant, records=len(values))
