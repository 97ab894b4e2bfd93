"""`causeline services import | list | show`, beside a running server.

Names and owners were written by anybody: what a terminal would take for a command is made visible (`visible`).
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.counting import Work, counting
from causeline.deploy.commands.services.catalogs import Catalog, Members, catalog_of
from causeline.deploy.commands.services.client import ServiceClient
from causeline.deploy.commands.services.files import read_documents
from causeline.deploy.terminal import visible

_CUT: Final = 48
_IMPORT: Final = Work("importing", "imported", "services")
_SHOWN_ONLY: Final = ("updated_at",)


def print_services(client: ServiceClient, team: Sequence[str], *, as_json: bool) -> int:
    """Print every service, or those of teams; return the exit code. Raises ApiError."""
    services = list(client.list_services([("team", one) for one in team]))
    if as_json:
        for one in services:
            print(json.dumps(one, ensure_ascii=False))
    elif services:
        wide_tables.print_table(service_table(services))
    else:
        print("no services" + (" that match" if team else ""))
    return 0


def print_service(client: ServiceClient, name: str, *, as_json: bool) -> int:
    """Print everything of one service; what is null or empty is left out. Raises ApiError."""
    service = client.one(name)
    if as_json:
        print(json.dumps(service, ensure_ascii=False))
        return 0
    for member, value in service.items():
        if value not in (None, []):
            print(f"{member:<12} {visible(_text(value))}")
    return 0


def service_table(services: Sequence[Members]) -> Table:
    """Return the list, one row a service."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "team", "owner", "tier", "depends on", "aliases", "repo"):
        table.add_column(heading, no_wrap=True)
    for one in services:
        cells = (one["name"], one["team"], one["owner"], one["tier"], one["depends_on"], one["aliases"], one["repo"])
        table.add_row(*(visible(_text(cell), _CUT) for cell in cells))
    return table


def import_catalogs(client: ServiceClient, paths: Sequence[Path], *, dry_run: bool) -> int:
    """Bring the services of catalogs in and tell what was left out; return 0 where the server took all of them, else 1. Raises ApiError.

    A member that a catalog does not say stays as the server has it.
    """
    catalog = catalog_of(read_documents(paths))
    if not catalog.services:
        _print_skips(catalog)
        raise ApiError("no file describes a service")
    services = _whole(client, catalog)
    if dry_run:
        for one in services:
            print(json.dumps(one, ensure_ascii=False))
        _print_skips(catalog)
        return 0
    refusals: list[str] = []
    with counting(Console(stderr=True), time.monotonic, _IMPORT, len(services)) as advance:
        for number, (service, result) in enumerate(client.put_all(services), start=1):
            advance(number)
            if result["status"] == "rejected":
                refusals.append(f"{visible(service['name'], 80)}: refused, {visible(_reasons(result), 500)}")
    for line in refusals:
        print(line)
    _print_skips(catalog)
    print(f"imported {len(services) - len(refusals)}, refused {len(refusals)}, skipped {len(catalog.skips)}")
    return 1 if refusals else 0


def _whole(client: ServiceClient, catalog: Catalog) -> list[Members]:
    """Return the records that replace those of the server."""
    known_services = {one["name"]: one for one in client.list_services()}
    return [
        {
            **{member: value for member, value in known_services.get(name, {}).items() if member not in _SHOWN_ONLY},
            "name": name,
            **members,
        }
        for name, members in catalog.services.items()
    ]


def _print_skips(catalog: Catalog) -> None:
    for place, why in catalog.skips:
        print(f"{visible(place, 200)}: skipped, {visible(why, 300)}")


def _reasons(result: dict[str, Any]) -> str:
    return "; ".join(f"{error['field']}: {error['message']}" if error["field"] else error["message"] for error in result["errors"])


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)
