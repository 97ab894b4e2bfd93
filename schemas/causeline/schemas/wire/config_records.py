"""How a configuration record lies on its topic, and how large it may be: the same in every adapter."""

from typing import Final

from causeline.schemas.records.config import ConfigRecord
from causeline.schemas.topics import CONFIG, all_topics
from causeline.schemas.web.errors import TooLarge
from causeline.schemas.wire.codec import encode_record

_BATCH_SLACK: Final = 4 << 10

MAX_CONFIG_BYTES: Final = next(t.max_message_bytes for t in all_topics() if t.name == CONFIG) - _BATCH_SLACK


def encode_config_record(record: ConfigRecord) -> tuple[bytes, bytes]:
    """Return (key, value) for the topic. Raises TooLarge where the record does not fit it."""
    key, value = record.log_key, encode_record(record)
    if len(key) + len(value) > MAX_CONFIG_BYTES:
        raise TooLarge(f"the record takes {len(key) + len(value)} bytes on the log, at most {MAX_CONFIG_BYTES} fit")
    return key, value
