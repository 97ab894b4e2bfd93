"""Print a public topic with aiokafka and `causeline.schemas.client`, a line for each record: `python consume_aiokafka.py --from-beginning`.

Every record is handled before its offset is committed, so a crash repeats some and loses none (at least once).
"""

import argparse
import asyncio
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from causeline.schemas.client import EVENTS, decode, summary
from causeline.schemas.kafka_address import client_options


async def consume(options: argparse.Namespace) -> None:
    """Print records until there were enough."""
    consumer = AIOKafkaConsumer(
        options.topic,
        **client_options(options.bootstrap or options.address_file.read_text()),
        group_id=options.group,
        auto_offset_reset="earliest" if options.from_beginning else "latest",
        enable_auto_commit=False,
        isolation_level="read_committed",  # else what aborted transactions wrote is seen too
    )
    remaining = options.limit
    async with consumer:
        while remaining is None or remaining > 0:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=remaining)
            records = [record for of_partition in batches.values() for record in of_partition]
            for record in records:
                print(options.topic, summary(decode(record)), flush=True)
            if records:
                await consumer.commit()
                remaining = remaining and remaining - len(records)


def main() -> None:
    """Read the options and consume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--address-file", type=Path, default=Path("causeline-data/kafka/address"), help="user:password@host:port,… of the broker"
    )
    parser.add_argument("--bootstrap", help="host:port,… of a broker that asks for no password, instead of the file")
    parser.add_argument("--topic", default=EVENTS)
    parser.add_argument("--group", default="example-aiokafka", help="consumer group: it goes on where it stopped")
    parser.add_argument("--from-beginning", action="store_true", help="a new group starts with the oldest record, not with the next one")
    parser.add_argument("--limit", type=int, help="end after so many records")
    asyncio.run(consume(parser.parse_args()))


if __name__ == "__main__":
    main()
