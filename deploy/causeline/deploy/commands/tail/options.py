"""The options of `causeline tail`. It loads no HTTP client until it runs."""

from typing import Annotated, Any

import typer

from causeline.deploy.commands.api_options import HERE, Tenant, Url
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import COMMAND_FAILED

_Many = list[str] | None


def _filter(what: str) -> Any:
    return typer.Option(help=f"{what}; may be given more than once", show_default=False)


def tail(
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_TAIL_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    service: Annotated[_Many, _filter("Only this service")] = None,
    environment: Annotated[_Many, _filter("Only this environment")] = None,
    kind: Annotated[_Many, _filter("Only this kind, such as deployment")] = None,
    status: Annotated[_Many, _filter("Only events with this status")] = None,
    priority: Annotated[_Many, _filter("Only this priority, P1 to P5")] = None,
    dialect: Annotated[_Many, _filter("Only what came through this API")] = None,
    entity: Annotated[_Many, _filter("Only what is attached to this entity")] = None,
    tag: Annotated[_Many, _filter("Only with this tag, as key:value (a colon of the key is \\:)")] = None,
    transition: Annotated[_Many, _filter("Only this transition of problems, such as opened")] = None,
    verdict: Annotated[_Many, _filter("Only rankings with this verdict, beside --stream causes")] = None,
    q: Annotated[str, typer.Option("--q", help="Only with all these words in title or text", show_default=False)] = "",
    since: Annotated[str, typer.Option("--from", help="Begin in the past: 1h, now-2d, a date or a time", show_default=False)] = "",
    *,
    stream: Annotated[_Many, _filter("What is followed: events, problems or causes; without it events and problems")] = None,
    problems: Annotated[bool, typer.Option("--problems", help="As --stream problems")] = False,
    events: Annotated[bool, typer.Option("--events", help="As --stream events")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of each message")] = False,
    limit: Annotated[int, typer.Option(min=0, help="End after so many messages; 0 never")] = 0,
) -> None:
    """Follow events, problems and causes of a running server, one line each; it connects again by itself, and Ctrl-C ends it.

    Examples: `causeline tail --service checkout --from 1h`, `causeline tail --problems --json | jq .title`,
    `causeline tail --stream causes --verdict likely`, `CAUSELINE_TAIL_TOKEN=… causeline tail --url https://causeline.example`
    """
    from causeline.deploy.adapters.stream_client import TailError, stream_request
    from causeline.deploy.commands.tail.command import run_tail

    flags = [name for name, is_wanted in (("events", events), ("problems", problems)) if is_wanted]
    filters = {
        "stream": [*(stream or []), *flags],
        "service": service or [],
        "environment": environment or [],
        "kind": kind or [],
        "status": status or [],
        "priority": priority or [],
        "dialect": dialect or [],
        "entity": entity or [],
        "tag": tag or [],
        "transition": transition or [],
        "verdict": verdict or [],
        "q": [q] if q else [],
    }
    try:
        run_tail(stream_request(url, token, tenant, filters, since=since, as_json=as_json, limit=limit))
    except TailError as error:
        refuse(str(error), COMMAND_FAILED)
