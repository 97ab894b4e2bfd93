"""The tables of ClickHouse as numbered, append-only SQL files: loading, rendering and splitting them, without touching a server.

`clickhouse/NNNN_name.sql` is the only statement of the tables. A file that was applied once never changes (its checksum is recorded): a new
column is a new file. Every statement is idempotent, so that two processes may apply the same file at once and no lock is needed.
`retention.sql` has no number: it follows a setting, and each of its statements is applied whenever its own table says something else, also
to a table that a migration has just made in a store whose other tables have had these days for years.

What must change together: the columns here, `avro/*.avsc`, and the structs in `records/` (a test compares).
"""

import hashlib
import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

EVENTS_TABLE: Final = "events"
"""What the sink inserts into; it keeps rows only until they are in the next two."""
BY_TIME_TABLE: Final = "events_by_time"
BY_SERVICE_TABLE: Final = "events_by_service"
BACKFILLED: Final = 9
"""The migration that made them: in `migration_steps` the number of the copy."""
DORA_TABLE: Final = "dora_events"
DORA_BACKFILLED: Final = 13
"""The migration that made it, see `BACKFILLED`."""
COMPLETE: Final = "complete"
"""The last step of a copy."""
TRANSITIONS_TABLE: Final = "problem_transitions"
DELIVERIES_TABLE: Final = "deliveries"
REVISIONS_TABLE: Final = "cause_revisions"

_NUMBERED: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_COMMENT: Final = re.compile(r"^[ \t]*--.*$", re.MULTILINE)
_END: Final = re.compile(r";\s*$", re.MULTILINE)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_RETENTION: Final = re.compile(r"ALTER TABLE \w+\.(?P<table>\w+) .*MODIFY TTL (?P<ttl>.+)")


class Migration(NamedTuple):
    """One file: its number and name, the template as it lies on disk, and the SHA-256 (hex) of that template."""

    number: int
    name: str
    template: str
    checksum: str

    @property
    def title(self) -> str:
        """Return its file's name without the ending, such as `0002_events`."""
        return f"{self.number:04}_{self.name}"


class TableRetention(NamedTuple):
    """How long the rows of one table stay: the expression, in the words in which ClickHouse tells it, and the statement that sets it."""

    table: str
    ttl: str
    statement: str


class TableLayout(NamedTuple):
    """Where and how the tables are made. An empty `cluster` is one server or the embedded engine.

    With a cluster every statement runs ON CLUSTER and the engines are `Replicated…` on the server's default paths.
    """

    database: str = "causeline"
    cluster: str = ""
    retention_days: int = 730

    def values(self) -> dict[str, str]:
        """Return the placeholders of the templates. Raises ValueError for a name that is not a plain identifier."""
        for what, name in (("database", self.database), ("cluster", self.cluster or "one")):
            if not _IDENTIFIER.fullmatch(name):
                raise ValueError(f"{name!r} is not a name for a ClickHouse {what}: letters, digits and _ only")
        if self.retention_days < 1:
            raise ValueError(f"retention of {self.retention_days} days: at least 1 is needed")
        return {
            "database": self.database,
            "replicated": "Replicated" if self.cluster else "",
            "on_cluster": f"ON CLUSTER {self.cluster}" if self.cluster else "",
            "retention_days": str(self.retention_days),
        }


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all migrations in order. Raises ValueError where numbers are not 1, 2, 3, … without a gap or a repeat."""
    sequence: list[Migration] = []
    for entry in files("causeline.schemas").joinpath("clickhouse").iterdir():
        match = _NUMBERED.fullmatch(entry.name)
        if match is not None:
            template = entry.read_text("utf-8")
            sequence.append(Migration(int(match[1]), match[2], template, hashlib.sha256(template.encode()).hexdigest()))
    sequence.sort()
    if [m.number for m in sequence] != list(range(1, len(sequence) + 1)):
        raise ValueError(f"migrations are not numbered from 1 without a gap: {[m.number for m in sequence]}")
    return tuple(sequence)


def retention(layout: TableLayout) -> list[TableRetention]:
    """Return how long rows stay, of every table that follows the setting. Raises ValueError for a statement that says something else."""
    template = files("causeline.schemas").joinpath("clickhouse", "retention.sql").read_text("utf-8")
    return [_retention_of(statement) for statement in statements(template, layout)]


def _retention_of(statement: str) -> TableRetention:
    match = _RETENTION.fullmatch(statement)
    if match is None:
        raise ValueError(f"retention.sql sets how long rows stay, and nothing else: {statement}")
    return TableRetention(match["table"], match["ttl"], statement)


def statements(template: str, layout: TableLayout) -> list[str]:
    """Render a template and return its statements, comments removed. A statement ends with `;` at the end of a line."""
    sql = Template(_COMMENT.sub("", template)).substitute(layout.values())
    return [statement for part in _END.split(sql) if (statement := part.strip())]
