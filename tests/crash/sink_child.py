"""A process of its own around one sink and one folder of the embedded engine, to be killed: `python -m tests.crash.sink_child …`.

`run BOOTSTRAP GROUP FOLDER` copies until it is killed; `look FOLDER TENANT` prints what the tables hold, as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

from causeline.processors.adapters.clickhouse import apply_migrations, open_engine
from causeline.processors.sink.sink import InsertLimits
from causeline.schemas.migrations import TableLayout
from tests.engine import TITLE
from tests.sink_stack import running_sink


async def run(bootstrap: str, group: str, folder: Path) -> None:
    with open_engine(folder) as client:
        apply_migrations(client, TableLayout())
    limits = InsertLimits(linger_ms=0, max_records=1_000)
    async with running_sink(bootstrap, group, lambda: open_engine(folder, "causeline"), limits):
        await asyncio.Event().wait()


def look(folder: Path, tenant: str) -> None:
    queries = {
        "rows": "SELECT count() FROM events_by_time WHERE tenant = {t:String}",
        "events": "SELECT count() FROM events_by_time FINAL WHERE tenant = {t:String}",
        "ids": "SELECT uniqExact(id) FROM events_by_time FINAL WHERE tenant = {t:String}",
        "changed": f"SELECT count() FROM events_by_time FINAL WHERE tenant = {{t:String}} AND version = 2 AND {TITLE} = 'changed'",
        "open": "SELECT count() FROM problems_open FINAL WHERE tenant = {t:String}",
        "closed": "SELECT count() FROM problems_closed FINAL WHERE tenant = {t:String}",
        "transitions": "SELECT count() FROM problem_transitions FINAL WHERE tenant = {t:String}",
    }
    with open_engine(folder, "causeline") as client:
        counts = {name: client.query(sql, parameters={"t": tenant}).result_rows[0][0] for name, sql in queries.items()}
    print(json.dumps(counts))


if __name__ == "__main__":
    if sys.argv[1] == "run":
        asyncio.run(run(sys.argv[2], sys.argv[3], Path(sys.argv[4])))
    else:
        look(Path(sys.argv[2]), sys.argv[3])
