"""Print a public topic with aiokafka and `causeline.schemas.client`, a line for each record: `python consume_aiokafka.py --from-beginning`.

Every record is handled before its offset is committed, so a crash repeats some and loses none (at least once).
"""

import argparse
import asyncio

from aiokafka import AIOKafkaConsumer

from causeline.schemas.client import EVENTS, decode, summary


async def consume(options: argparse.Namespace) -> None:
    """Print records until there were enough."""
    consumer = AIOKafkaConsumer(
        options.topic,
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        auto_offset_reset="earliest" if options.from_beginning else "latest",
        enable_auto_commit=False,
        isolation_level="read_committed",  # else what aborted transactions wrote is seen too
    )
    left = options.limit
    async with consumer:
        while left is None or left > 0:
            polled = await consumer.getmany(timeout_ms=1_000, max_records=left)
            records = [record for of_partition in polled.values() for record in of_partition]
            for record in records:
                print(options.topic, summary(decode(record)), flush=True)
            if records:
                await consumer.commit()
                left = left and left - len(records)


def main() -> None:
    """Read the options and consume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", default="127.0.0.1:19092", help="host:port,… of the broker")
    parser.add_argument("--topic", default=EVENTS)
    parser.add_argument("--group", default="example-aiokafka", help="consumer group: it goes on where it stopped")
    parser.add_argument("--from-beginning", action="store_true", help="a new group starts with the oldest record, not with the next one")
    parser.add_argument("--limit", type=int, help="end after so many records")
    asyncio.run(consume(parser.parse_args()))


if __name__ == "__main__":
    main()
