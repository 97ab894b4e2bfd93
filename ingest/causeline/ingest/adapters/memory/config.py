"""The configuration in memory: the shipped twin of the compacted topic. Several logs over one list are several servers."""

from collections.abc import Callable, Mapping

from causeline.ingest.slices import Slices
from causeline.schemas.records.config import ConfigRecord, ConfigView, Value, config_record
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire.codec import decode_record
from causeline.schemas.wire.config_records import encode_config_record


class MemoryConfigLog:
    """A ConfigLog over a list of (key, value) as they would lie on the topic; pass the list of another one to share it."""

    def __init__(self, clock: Callable[[], int] = lambda: 0, records: list[tuple[bytes, bytes]] | None = None) -> None:
        self.records: list[tuple[bytes, bytes]] = [] if records is None else records
        self.away = False
        """While True, writes are refused as if the broker were away."""
        self._clock = clock
        self._view = ConfigView()
        self._position = 0

    @property
    def view(self) -> ConfigView:
        """What holds now, whoever wrote it."""
        self._read()
        return self._view

    def _read(self) -> None:
        for _, value in self.records[self._position :]:
            self._view.apply(decode_record(value, ConfigRecord))
        self._position = len(self.records)

    async def put(self, kind: str, key: str, value: Value | None) -> None:
        """Set or take away a value; see ConfigLog.put."""
        await self.put_all(kind, {key: value})

    async def put_all(self, kind: str, values: Mapping[str, Value | None]) -> None:
        """Set or take away several values; see ConfigLog.put_all."""
        records: list[tuple[bytes, bytes]] = []
        slices = Slices()
        for key, value in values.items():
            records.append(encode_config_record(config_record(kind, key, value, self._clock())))
            await slices.add(len(records[-1][1]))
        if self.away:
            raise Unavailable("the log is away")
        self.records.extend(records)
        self._read()

    async def caught_up(self) -> None:
        """Return at once, with what others wrote: a list is read whenever it is asked."""
        self._read()
