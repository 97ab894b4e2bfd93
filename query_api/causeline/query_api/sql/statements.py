"""A statement, and the clauses that those on several tables share: columns, cursor, order, the conditions on tags and words.

Every value a client can choose is a bound parameter; what is text in this folder is ours. The columns are those of the locked Avro schemas,
so a new column is read as soon as its schema and migration exist. What must change together: the words expression is that of the indexes
in `clickhouse/*.sql`, word for word, or the indexes are not used.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from causeline.query_api.questions.query import Page
from causeline.query_api.sql import raw_members as sql_raw
from causeline.query_api.sql.binding import Binding
from causeline.schemas.values.words import WORD_PATTERN, words_of
from causeline.schemas.wire import codec

_WORD: Final = WORD_PATTERN.replace("\\", "\\\\")
"""The pattern within quotes of SQL."""


class Query(NamedTuple):
    """One statement: the metric label that names it, its text without settings and format, its parameters, own settings, whose it is.

    `format` is the engine's name of how its rows come, `rows` how many it may be answered with, where that is not what any query may.
    """

    name: str
    text: str
    parameters: dict[str, Any]
    settings: str = ""
    tenant: str = ""
    format: str = "JSONEachRow"
    rows: int = 0


@cache
def column_list(subject: str, alias: str, without: str = "") -> str:
    """Return the columns of a record (but one) under their names, times as ms and flags as booleans."""

    def column(field: dict[str, Any]) -> str:
        name = f"{alias}.`{field['name']}`"
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        if any(isinstance(kind, dict) and kind.get("logicalType") == "timestamp-millis" for kind in kinds):
            name = f"toUnixTimestamp64Milli({name})"
        elif kinds == ["boolean"]:
            name = f"toBool({name})"
        return f"{name} AS `{field['name']}`"

    return ", ".join(column(field) for field in codec.latest(subject).definition["fields"] if field["name"] != without)


def cursor_condition(bind: Binding, page: Page, ts: str, row_id: str) -> list[str]:
    """Return the condition that starts after the page's key. The plain comparison is there for the primary key."""
    if page.after is None:
        return []
    sign = "<" if page.order == "desc" else ">"
    at = bind.time(page.after.ts)
    return [f"{ts} {sign}= {at}", f"({ts}, {row_id}) {sign} ({at}, {bind.text(page.after.id)})"]


def order_clause(bind: Binding, page: Page, ts: str, row_id: str) -> str:
    """Return the order and the limit of a page."""
    sorts = "".join(f"{sql_raw.order(bind, 'e', sort)}, " for sort in page.sort)
    offset = f" OFFSET {bind.number(page.offset)}" if page.offset else ""
    return f"ORDER BY {sorts}{ts} {page.order}, {row_id} {page.order} LIMIT {bind.number(page.limit)}{offset}"


def tag_conditions(bind: Binding, alias: str, tags: Sequence[tuple[str, str]]) -> list[str]:
    """Return the condition that a row has one of the tags; none if there are none."""

    def tag(key: str, value: str) -> str:
        name = bind.text(key)
        return f"(mapContains({alias}.tags, {name}) AND {alias}.tags[{name}] = {bind.text(value)})"

    return [f"({' OR '.join(tag(key, value) for key, value in tags)})"] if tags else []


def word_conditions(bind: Binding, alias: str, words: str) -> list[str]:
    """Return the condition that the title and the text of a row have all the words; none if the text of the question is blank."""
    if not words.strip():
        return []
    query_words = sorted(set(words_of(words)))
    row_words = words_sql(f"{alias}.title_text" if alias == "e" else f"concat({alias}.title, ' ', {alias}.text)")
    return [f"hasAllTokens({row_words}, {bind.texts(query_words)})" if query_words else "false"]


def words_sql(text: str) -> str:
    """Return a text (SQL) that the tokenizer cuts into the words of `text`, in lower case: ASCII it cuts itself as the pattern does."""
    return f"if(isValidASCII({text}), lower({text}), lowerUTF8(arrayStringConcat(extractAll({text}, '{_WORD}'), ' ')))"
