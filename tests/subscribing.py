"""Subscriptions in memory: what both APIs of them need, over the shipped twins."""

from typing import Final

import msgspec

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.adapters.memory.health import MemoryHealth
from causeline.ingest.app import IngestService
from causeline.ingest.ports import ConfigLog, HealthView
from causeline.ingest.subscriptions.arming import Arming
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.subscriptions.sealing import Sealer, new_key
from causeline.schemas.wire.codec import decode_record
from tests.desk_samples import NOW

KEY: Final = new_key()


def subscribing(
    service: IngestService,
    config: ConfigLog | None = None,
    health: HealthView | None = None,
    *,
    allow: str = "",
    key: str = KEY,
) -> Subscribing:
    """Return the parts; `allow` is what an operator lists, an empty `key` is a server without one."""
    config_log = config or MemoryConfigLog()
    arming = Arming(service, config_log, lambda: NOW)
    sealer = Sealer(key) if key else None
    return Subscribing(service, config_log, health or MemoryHealth(), arming, sealer=sealer, allow_list=AllowList.parse(allow))


def told_by(value: bytes) -> Rule | None:
    """Return the rule that a record of the ingest log tells, None where it is about something else."""
    record = decode_record(value, IngestRecord)
    return msgspec.json.decode(record.patch, type=Rule) if record.op == "subscribe" else None


def rule_of(value: bytes) -> Rule:
    """Return the rule that a record of the ingest log tells."""
    rule = told_by(value)
    assert rule is not None
    return rule
