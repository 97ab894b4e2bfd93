"""The configuration on the broker, for commands beside a running system: read to its end, then looked at and written to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.errors import KafkaError

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.deploy.embedded.broker_secret import ADVICE, address_for_commands
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.schemas.kafka_address import bare_address
from causeline.schemas.web.errors import RequestError

_REACH_S: Final = 15


class ConfigurationError(Exception):
    """The configuration cannot be reached, read or written; the message says which."""


@asynccontextmanager
async def configuration(settings: Settings) -> AsyncIterator[KafkaConfigLog]:
    """Follow it for the length of a block. Raises ConfigurationError, also where the broker refuses what the block writes."""
    bootstrap = address_for_commands(settings)
    try:
        async with asyncio.timeout(_REACH_S):
            await topics.ensure(bootstrap, settings.partitions, settings.replication_factor)
    except (KafkaError, OSError, TimeoutError):
        raise ConfigurationError(f"no broker answers at {bare_address(bootstrap)}: {ADVICE}") from None
    except topics.TopicError as error:
        raise ConfigurationError(str(error)) from None
    config = KafkaConfigLog(bootstrap, settings.partitions, now_ms)
    await config.start()
    try:
        async with asyncio.timeout(_REACH_S):
            await config.caught_up()
        yield config
    except TimeoutError:
        raise ConfigurationError(f"the configuration could not be read from {bare_address(bootstrap)}") from None
    except RequestError as error:
        raise ConfigurationError(error.message) from None
    finally:
        await config.stop()
