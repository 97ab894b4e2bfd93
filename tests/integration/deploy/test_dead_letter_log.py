import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.deploy.commands.dead_letters import commands
from causeline.deploy.commands.dead_letters.commands import DeadLetterError
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.adapters.kafka.producer import abandon
from causeline.processors.adapters.kafka.dead_letters import TRANSACTIONAL_ID, KafkaRetry, dead_letter_log, retrying
from causeline.processors.dead_letters.letters import LetterFilter, LetterPosition, LetterRecord
from causeline.processors.runtime.ports import BrokerError, Fenced
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import CONFIG, DEAD_LETTERS, EVENTS, INGEST
from causeline.schemas.wire import codec
from tests.kafka_topics import read_committed, settled
from tests.partition_log import T0, create, event, uuid

PARTITIONS = 2
_numbers = iter(range(1, 1_000_000))


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the names of the topics are fixed."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("dead-letters"))
    broker.start()
    asyncio.run(topics.ensure(broker.bootstrap, PARTITIONS, 1))
    yield broker.bootstrap
    broker.stop()


@pytest.fixture
def settings(kafka: str) -> Settings:
    return Settings(kafka=kafka, partitions=PARTITIONS)


def letter(partition: int = 0, reason: str = "undecodable", topic: str = INGEST, **columns: Any) -> DeadLetter:
    """A letter about an event of its own, which this version can read."""
    number = next(_numbers)
    letter_fields = {
        "tenant": "acme",
        "id": uuid(number),
        "key": uuid(number).encode(),
        "value": codec.encode_record(create(event(number), T0)),
    } | columns
    return DeadLetter(reason=reason, topic=topic, partition=partition, offset=number, at=T0, **letter_fields)  # type: ignore[arg-type]


async def write(kafka: str, letters: Sequence[DeadLetter | bytes]) -> list[LetterPosition]:
    """Write letters as the processors do, each in a transaction of its own; return where they lie."""
    positions = []
    async with AIOKafkaProducer(**client_options(kafka), transactional_id="writer", max_request_size=9 << 20) as producer:
        for each in letters:
            async with producer.transaction():
                value = each if isinstance(each, bytes) else codec.encode_record(each)
                future = await producer.send(DEAD_LETTERS, value, partition=0 if isinstance(each, bytes) else each.partition)
            at = await future
            positions.append(LetterPosition(at.partition, at.offset))
    for partition in range(PARTITIONS):
        await settled(kafka, DEAD_LETTERS, partition)
    return positions


def written(kafka: str, *letters: DeadLetter | bytes) -> list[LetterPosition]:
    return asyncio.run(write(kafka, letters))


def newest(kafka: str, letter_filter: LetterFilter, limit: int) -> list[LetterRecord]:
    async def read() -> list[LetterRecord]:
        async with dead_letter_log(kafka) as log:
            return await log.newest(letter_filter, limit)

    return asyncio.run(read())


def ingested(kafka: str, partition: int) -> list[tuple[bytes, bytes | None]]:
    """Return keys and values of the ingest log, with all that was committed before this call."""

    async def read() -> list[tuple[bytes, bytes | None]]:
        await settled(kafka, INGEST, partition)
        return await read_committed(kafka, INGEST, partition)

    return asyncio.run(read())


def appended(kafka: str, partition: int, key: bytes) -> list[bytes | None]:
    """Return what the ingest log holds under a key."""
    return [value for record_key, value in ingested(kafka, partition) if record_key == key]


def marked(kafka: str, position: LetterPosition) -> bool:
    async def read() -> dict[str, int]:
        async with dead_letter_log(kafka) as log:
            return await log.marks()

    return any(key.startswith(f"{position}@") for key in asyncio.run(read()))


def retry(settings: Settings, *positions: LetterPosition, **options: Any) -> int:
    arguments: dict[str, Any] = {"reason": "", "since": "", "dry_run": False, "yes": False} | options
    return commands.retry(settings, [str(position) for position in positions], **arguments)


def listed(settings: Settings, capsys: pytest.CaptureFixture[str], **options: Any) -> list[dict[str, Any]]:
    arguments: dict[str, Any] = {"reason": "", "topic": "", "since": "", "limit": 100, "as_json": True} | options
    assert commands.print_letters(settings, **arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_without_letters_the_list_says_so(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    # First in this file: the topic is empty only now.
    commands.print_letters(settings, reason="", topic="", since="", limit=100, as_json=False)
    assert capsys.readouterr().out == "no dead letters\n"
    commands.print_letters(settings, reason="too_large", topic="", since="", limit=100, as_json=False)
    assert capsys.readouterr().out == "no dead letters that match\n"


def test_the_newest_come_first_whatever_their_partition_and_without_their_bytes(kafka: str) -> None:
    positions = written(kafka, *(letter(n % 2) for n in range(12)))
    records = newest(kafka, LetterFilter(), 5)
    assert [entry.position for entry in records] == positions[:-6:-1]
    assert {entry.letter.value for entry in records if entry.letter is not None} == {b""}


def test_rare_ones_are_found_behind_many_others(kafka: str) -> None:
    (rare,) = written(kafka, letter(reason="row_refused", topic=EVENTS))
    written(kafka, *(letter() for _ in range(30)))
    assert [entry.position for entry in newest(kafka, LetterFilter("row_refused"), 1)] == [rare]
    assert [entry.position for entry in newest(kafka, LetterFilter(topic=EVENTS), 2)] == [rare]
    assert newest(kafka, LetterFilter("row_refused", since=now_ms() + 1_000), 1) == []


def test_the_list_shows_what_is_no_letter_and_no_hostile_character(
    kafka: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger, hostile = written(kafka, b"somebody else's", letter(detail="\x1b[2J" + "ß" * 4_000, tenant="\u202e"))
    commands.print_letters(settings, reason="", topic="", since="1h", limit=2, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["position", str(hostile), str(stranger)]
    assert max(map(len, lines)) < 400
    assert all(line.isprintable() for line in lines)
    assert [row["position"] for row in listed(settings, capsys, limit=2)] == [str(hostile), str(stranger)]
    assert commands.print_letter(settings, str(stranger), as_json=False) == 0
    assert "it is not a dead letter" in capsys.readouterr().out


def test_show_has_everything(kafka: str, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    sample = letter(1)
    (position,) = written(kafka, sample)
    commands.print_letter(settings, str(position), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["id"], document["retried_at"], document["record"]["event"]["title"]) == (sample.id, None, "t")
    with pytest.raises(DeadLetterError, match=f"there is no dead letter at {position.partition}:{position.offset + 1}"):
        commands.print_letter(settings, f"{position.partition}:{position.offset + 1}", as_json=False)


def test_a_letter_goes_again_once_with_its_key_and_bytes_to_its_partition(
    kafka: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = letter(1)
    (position,) = written(kafka, sample)
    assert retry(settings, position, dry_run=True) == 0
    assert appended(kafka, 1, sample.key) == []
    assert retry(settings, position) == 0
    assert appended(kafka, 1, sample.key) == [sample.value]
    capsys.readouterr()
    assert retry(settings, position) == 1
    assert f"{position}: refused, it was retried at 20" in capsys.readouterr().out
    assert appended(kafka, 1, sample.key) == [sample.value]
    assert next(row for row in listed(settings, capsys) if row["position"] == str(position))["retried_at"] is not None


def test_the_largest_record_goes_again(kafka: str, settings: Settings) -> None:
    large = event(next(_numbers), raw="x" * (7 << 20))
    sample = letter(key=large.id.encode(), value=codec.encode_record(create(large, T0)))
    (position,) = written(kafka, sample)
    assert retry(settings, position) == 0
    assert appended(kafka, 0, sample.key) == [sample.value]


def test_what_a_reason_chooses_goes_in_the_order_of_the_log_in_many_transactions(
    kafka: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [letter(reason="unknown_op") for _ in range(250)]
    written(kafka, *samples, letter(reason="unknown_op", value=b"nobody can read this"))
    with pytest.raises(DeadLetterError, match="say --yes"):
        retry(settings, reason="unknown_op")
    assert retry(settings, reason="unknown_op", yes=True) == 1, "one of them was refused"
    assert "retried 250 of 250" in capsys.readouterr().out
    keys = [key for key, _ in ingested(kafka, 0)]
    assert keys[-250:] == [each.key for each in samples]
    assert retry(settings, reason="unknown_op", yes=True) == 1
    assert "nothing was retried" in capsys.readouterr().out


def test_retries_at_once_append_a_letter_once(kafka: str, settings: Settings) -> None:
    sample = letter()
    (position,) = written(kafka, sample)

    def ended(_: int) -> int:
        try:
            return retry(settings, position)
        except DeadLetterError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(ended, range(4)))
    assert 0 not in codes or codes.count(0) == 1
    assert retry(settings, position) == (1 if 0 in codes else 0)
    assert appended(kafka, 0, sample.key) == [sample.value]


def test_a_retry_that_another_one_overtook_writes_nothing(kafka: str) -> None:
    sample = letter()
    (position,) = written(kafka, sample)

    async def both() -> None:
        async with dead_letter_log(kafka) as log:
            entry = await log.at(position)
        assert entry is not None
        async with retrying(kafka) as one, retrying(kafka):
            with pytest.raises(Fenced):
                await one.append([entry], T0)

    asyncio.run(both())
    assert (appended(kafka, 0, sample.key), marked(kafka, position)) == ([], False)


class _NeverCommits(AIOKafkaProducer):
    async def commit_transaction(self) -> None:
        await self.flush()  # type: ignore[no-untyped-call]
        raise KafkaError("the process ended here")


def test_of_a_retry_that_dies_before_its_commit_neither_record_nor_mark_is_seen(kafka: str, settings: Settings) -> None:
    sample = letter()
    (position,) = written(kafka, sample)

    async def die() -> None:
        async with dead_letter_log(kafka) as log:
            entry = await log.at(position)
        assert entry is not None
        producer = _NeverCommits(**client_options(kafka), transactional_id=TRANSACTIONAL_ID)  # type: ignore[no-untyped-call]
        await producer.start()  # type: ignore[no-untyped-call]
        with pytest.raises(BrokerError, match="the process ended here"):
            await KafkaRetry(producer).append([entry], T0)
        await abandon(producer)

    asyncio.run(die())
    assert sample.key not in dict(asyncio.run(read_committed(kafka, INGEST, 0)))  # its transaction is still open: nothing settles
    assert not marked(kafka, position)
    assert retry(settings, position) == 0, "the next one ends the open transaction"
    assert (appended(kafka, 0, sample.key), marked(kafka, position)) == ([sample.value], True)


def test_the_configuration_of_servers_goes_on_beside_marks_of_ended_and_open_retries(kafka: str) -> None:
    async def put() -> Any:
        config = KafkaConfigLog(kafka, PARTITIONS, lambda: 0)
        await config.start()
        try:
            await asyncio.wait_for(config.caught_up(), 10)
            await config.put("tokens", "a", {"n": 1})
            return config.view.get("tokens", "a")
        finally:
            await config.stop()

    assert asyncio.run(put()) == {"n": 1}
    assert len(asyncio.run(read_committed(kafka, CONFIG, 0))) > 0


@pytest.mark.parametrize(
    ("positions", "options", "message"),
    [
        ([], {}, "name positions"),
        (["0:1"], {"reason": "undecodable"}, "name positions"),
        (["0-1"], {}, "'0-1' is not a position such as 0:17"),
        (["0:1"], {"since": "2h"}, "--since goes with --reason"),
        ([], {"reason": "bad"}, "--reason takes undecodable, "),
        ([], {"reason": "undecodable", "since": "soon"}, "--since: 'soon' is not a duration"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_a_broker_is_asked(positions: list[str], options: dict[str, str], message: str) -> None:
    nowhere = Settings(kafka="127.0.0.1:1")
    arguments: dict[str, Any] = {"reason": "", "since": "", "dry_run": False, "yes": True} | options
    with pytest.raises(DeadLetterError, match=message) as refused:
        commands.retry(nowhere, positions, **arguments)
    assert refused.value.code == 2


def test_without_a_broker_one_line_says_where_it_was_sought() -> None:
    with pytest.raises(DeadLetterError, match=r"no broker answers at 127\.0\.0\.1:1: start `causeline up`") as refused:
        commands.print_letter(Settings(kafka="127.0.0.1:1"), "0:1", as_json=False)
    assert refused.value.code == 1
