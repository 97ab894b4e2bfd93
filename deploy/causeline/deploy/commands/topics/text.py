"""What `causeline topics` shows."""

import asyncio

from rich import box
from rich.console import Console
from rich.table import Table

from causeline.deploy.adapters.topics import count_partitions
from causeline.deploy.settings import Settings
from causeline.schemas.topics import all_topics


def print_topics(settings: Settings) -> None:
    """Print every topic with what it promises, and the partitions it has where the broker answers."""
    counts = asyncio.run(count_partitions(settings.kafka)) if settings.kafka else {}
    console = Console()
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for heading in ("public", "schema", "kept", "partitions"):
        table.add_column(heading, no_wrap=True)
    for topic in all_topics():
        partitions = str(counts.get(topic.name, "missing" if counts else settings.partitions))
        public = "yes" if topic.public else "no"
        retention = "newest per key" if topic.cleanup_policy == "compact" else topic.retention
        table.add_row(topic.name, public, topic.schema or "-", retention, partitions)
    console.print(table)
    if not counts:
        console.print("No broker was asked: partitions are those that would be made; --kafka host:port asks one.\n", highlight=False)
    for topic in all_topics():
        consumers = ", ".join(topic.consumers)
        console.print(f"[bold]{topic.name}[/bold]  {topic.description}", highlight=False)
        console.print(f"  key: {topic.key}; owner: {topic.owner}; consumers: {consumers}", highlight=False)
    console.print("Public topics are a contract: their schemas evolve compatibly.")
