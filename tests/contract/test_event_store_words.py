"""What a word is: the same for ClickHouse as for the pure rule that streams and subscriptions look by."""

# ruff: noqa: RUF001 - characters that look like others are what is asked about

import random
import unicodedata

import pytest

from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.questions.query import ProblemFilter
from causeline.query_api.sql.statements import words_sql
from causeline.schemas.subscriptions.matching import has_words
from causeline.schemas.values.words import words_of
from tests.contract.event_rows import ALL, TENANT, Bench, event, problem, titles, where
from tests.engine import Engine

SEPARATED = [
    "Deploy “checkout” to prod",
    "deploy—checkout—now",
    "deploy\u00a0checkout\u202fnow",
    "deploy🚀checkout⚠\ufe0fcheckout",
    "«CHECKOUT» v2",
    "checkout’s",
    "部署 checkout。",
    "snake_checkout_case",
]
PIECES = [
    "checkout",
    "Größe",
    "ΟΔΟΣ",
    "İx",
    "e\u0301",
    "日本",
    "x1",
    "²",
    "①",
    "Ⅷ",
    "🚀",
    "👩🏽\u200d🚀",
    "⚠\ufe0f",
    "1\ufe0f\u20e3",
    "\u0301",
    "“",
    "—",
]
PIECES += [" ", "\u00a0", "'", ".", "_", "\x00", "हिन्दी", "ไทย", "ℹ\ufe0f", "ǅ", "ẞ", "\ufe0f"]


@pytest.mark.parametrize("title", SEPARATED)
def test_what_is_no_letter_separates_words(title: str) -> None:
    assert has_words(title, "", "checkout")
    assert not has_words(title, "", "check")


def test_text_without_spaces_is_found_as_a_whole_only() -> None:
    assert words_of("部署结账服务 完成") == ["部署结账服务", "完成"]
    assert not has_words("部署结账服务", "", "结账")


@pytest.mark.parametrize("title", SEPARATED)
async def test_a_list_finds_words_between_any_separators(bench: Bench, title: str) -> None:
    bench.put(event(title=title), event(title="other", text=title), event(title="uncheckouted"), problem(title=title))
    assert sorted(titles(await bench.store.events(where(words="Checkout"), ALL))) == sorted([title, "other"])
    problems = await bench.store.problems(ProblemFilter(tenant=TENANT, now=0, words="checkout"), ALL)
    assert [one.title for one in problems] == [title]


def test_the_engine_and_the_rule_see_the_same_words(migrated: Engine) -> None:
    chance = random.Random(26)
    characters = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]
    texts = ["".join(chance.choice(chance.choice((PIECES, characters))) for _ in range(chance.randrange(9))) for _ in range(4_000)]
    texts += ["".join(characters[start : start + 500]) for start in range(0, len(characters), 500)]
    client = migrated.open()
    rows: list[list[str]] = []
    for start in range(0, len(texts), 200):
        bindings = {"texts": texts[start : start + 200]}
        words = f"tokens({words_sql('t')}, 'splitByNonAlpha')"
        rows += client.query(f"SELECT arrayMap(t -> {words}, {{texts:Array(String)}})", parameters=bindings).result_rows[0][0]
    client.close()
    differing = [(text, row) for text, row in zip(texts, rows, strict=True) if row != words_of(text)]
    assert differing == []


async def test_the_index_answers_for_words(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open)
    Bench(store, emptied).put(*(event(title=f"“w{n}”") for n in range(50)))
    client = emptied.open()
    expression = words_sql("e.title_text")
    statement = f"EXPLAIN indexes = 1 SELECT id FROM events_by_time AS e WHERE hasAllTokens({expression}, ['w7'])"
    plan = "\n".join(row[0] for row in client.query(statement).result_rows)
    client.close()
    assert "Name: by_words" in plan
    assert titles(await store.events(where(words="w7"), ALL)) == ["“w7”"]
    await store.close()
