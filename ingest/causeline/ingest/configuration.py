"""The configuration as handlers ask for it: once this server has read what was written before it began."""

import asyncio
from typing import Final

from causeline.ingest.ports import ConfigLog
from causeline.schemas.records.config import ConfigView
from causeline.schemas.web.errors import Unavailable

_CAUGHT_UP_S: Final = 5.0


async def read_configuration(config: ConfigLog) -> ConfigView:
    """Return what holds: without what was written before this server began, nothing would be a wrong answer. Raises Unavailable."""
    try:
        async with asyncio.timeout(_CAUGHT_UP_S):
            await config.caught_up()
    except TimeoutError as error:
        raise Unavailable("the configuration is not read yet") from error
    return config.view
