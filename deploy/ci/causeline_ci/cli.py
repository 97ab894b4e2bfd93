"""The command line `causeline-ci`. It ends with 0 also when the server is away: a build does not fail because somebody was not told of it.

2 is for what was typed wrong. With `--strict`: 75 not delivered, 77 refused, 78 settings. `run` ends as its child does.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import __version__, facts
from .attempts import ATTEMPT_S, refusal_sentence
from .delivery import Courier, Parcel, Pass
from .providers import AZURE, GITHUB, CiJob, detect_job, job_variables
from .settings import VARIABLES, ClientSettings, UnusableSetting, read_settings, spool_folder
from .spool import MOST_SPOOL_FILES, SpoolRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOT_DELIVERED, NOT_TAKEN, BAD_SETTINGS, BAD_USAGE = 75, 77, 78, 2
_MOST_INPUT = 8 * 2**20
"""Less than a spool holds, so that no line pushes out another one."""
_LONGEST_WAIT_S = 86400.0
_EXAMPLES = """examples:
  causeline-ci send deployment --service checkout --environment production --version 1.4 --status success
  causeline-ci run deployment --service checkout --environment production -- ./deploy.sh
  ID=$(causeline-ci start deployment --service checkout); causeline-ci finish "$ID" --status success
  causeline-ci flush --wait 30s

settings, over which flags win: CAUSELINE_URL, CAUSELINE_TOKEN, CAUSELINE_SERVICE, CAUSELINE_ENVIRONMENT,
CAUSELINE_SPOOL, CAUSELINE_STRICT, CAUSELINE_DISABLED

exit codes: 0 also when the server is away; 2 usage; with --strict 75 not delivered, 77 refused, 78 settings; `run`: the child's
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    code = run_client(list(sys.argv[1:] if arguments is None else arguments))
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # nobody reads it; Python would try again at its end, and make that the exit code
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def run_client(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    words, child = _split_child(arguments)
    parser = _parser()
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return BAD_USAGE
    if (options.command == "run") != bool(child):
        parser.error("`run` needs a command behind `--`" if options.command == "run" else "only `run` takes a command behind `--`")
    job = detect_job({name: os.environ[name] for name in job_variables() if name in os.environ})
    try:
        flags = {name: getattr(options, name, None) for name in VARIABLES}
        settings = read_settings({name: os.environ[name] for name in VARIABLES.values() if name in os.environ}, flags)
    except UnusableSetting as error:
        _say(job, f"{error}; nothing is sent")
        return _run_bare(child) if child else (BAD_SETTINGS if options.strict or _is_strict() else 0)
    commands: dict[str, Callable[[argparse.Namespace, ClientSettings, CiJob, list[str]], int]] = {
        "send": _send,
        "start": _start,
        "finish": _finish,
        "run": _run,
        "flush": _flush,
        "env": _env,
        "doctor": _doctor,
    }
    try:
        return commands[options.command](options, settings, job, child)
    except facts.UsageError as error:
        print(f"causeline-ci {options.command}: {error}", file=sys.stderr)
        return BAD_USAGE
    except Exception as error:  # noqa: BLE001 - a mistake of ours is no reason to fail a build either
        _say(job, f"{type(error).__name__}: {_without(str(error), settings.token)}")
        return NOT_DELIVERED if settings.strict else 0


def _send(options: argparse.Namespace, settings: ClientSettings, job: CiJob, _: list[str]) -> int:
    now = time.time()
    if options.kind == "-":
        text = sys.stdin.buffer.read(_MOST_INPUT + 1)
        if len(text) > _MOST_INPUT:
            raise facts.UsageError("-: more than 8 MiB")
        records = facts.read_events(text.decode("utf-8", "replace"), job, settings, now)
        if len(records) > MOST_SPOOL_FILES:
            raise facts.UsageError(f"-: more than {MOST_SPOOL_FILES} events")
    else:
        records = [SpoolRecord("", facts.build_event(_request(options), job, settings, now))]
    if (code := _idle(settings, job)) is not None:
        return code
    courier = _courier(settings, job)
    events = []
    for record in records:
        event_id = facts.id_of_own_key(record.key) if record.key else courier.new_id(record.event, "send")
        events.append(courier.prepare_event(event_id, record.event, record.key))
    return _deliver(courier, events)


def _start(options: argparse.Namespace, settings: ClientSettings, job: CiJob, _: list[str]) -> int:
    event = facts.build_event(_request(options), job, settings, time.time())
    if (code := _idle(settings, job)) is not None:
        import uuid

        print(uuid.uuid4())
        return code
    courier = _courier(settings, job)
    parcel = _prepare_start(courier, event, options.status or "")
    print(parcel.id, flush=True)
    return _deliver(courier, [parcel])


def _finish(options: argparse.Namespace, settings: ClientSettings, job: CiJob, _: list[str]) -> int:
    pair_id = facts.check_text("ID", options.id or "")
    request = _request(options)
    now = time.time()
    facts.build_event(request, job, settings, now)
    if (code := _idle(settings, job)) is not None:
        return code
    courier = _courier(settings, job)
    pair_id, begin = _find_pair(courier, pair_id, request, job)
    event = facts.build_event(_complete_request(request, begin), job, settings, now)
    pair_id = pair_id or courier.new_id(event, "finish")
    parcel = _prepare_finish(courier, event, pair_id, start=begin.get("start", ""), status=request.status)
    return _deliver(courier, [parcel])


def _run(options: argparse.Namespace, settings: ClientSettings, job: CiJob, child: list[str]) -> int:
    import threading

    from .child import run_child

    begin = time.time()
    monotonic_begin = time.monotonic()
    event = facts.build_event(_request(options), job, settings, begin)
    if _idle(settings, job) is not None:
        return _run_bare(child)
    couriers: list[tuple[Courier, Parcel]] = []
    passes: list[Pass] = []

    def tell_start() -> None:
        with suppress(Exception):  # then its end is told, or a line says that it is not
            courier = _courier(settings, job)
            parcel = _prepare_start(courier, event, "")
            couriers.append((courier, parcel))
            passes.append(courier.send([parcel]))

    thread = threading.Thread(target=tell_start, daemon=True)
    thread.start()

    def tell_end(code: int, seconds: float) -> None:
        deadline = time.monotonic() + ATTEMPT_S
        thread.join(ATTEMPT_S)
        if not couriers:
            _say(job, "the spool did not do within 5 s: neither begin nor end of this run is told")
            return
        courier, start = couriers[0]
        end = facts.build_event(_request(options)._replace(at=""), job, settings, begin + seconds)
        end["tags"] = {**end.get("tags", {}), "exit_code": str(code), "duration_seconds": f"{seconds:.3f}"}
        status = "success" if code == 0 else "failure"
        finish = _prepare_finish(courier, end, start.id, start=start.record.event["start"], status=status)
        late = [start] if not passes or passes[0].failure else []
        result = courier.send([*late, finish], max(0.0, deadline - time.monotonic()))
        _report(courier, [start, finish], result._replace(refusals=(*(passes[0].refusals if passes else ()), *result.refusals)))

    code = run_child(child)
    try:
        tell_end(code, time.monotonic() - monotonic_begin)
    except Exception as error:  # noqa: BLE001 - whatever it is, the exit code is the child's
        _say(job, f"the end of this run is not told: {type(error).__name__}: {_without(str(error), settings.token)}")
    return code


def _flush(options: argparse.Namespace, settings: ClientSettings, job: CiJob, _: list[str]) -> int:
    wait_s = _read_wait(options.wait)
    if (code := _idle(settings, job)) is not None:
        return code
    courier = _courier(settings, job)
    if courier.spool is None:
        return _report(courier, [], Pass())
    result = courier.flush(wait_s)
    print(f"{result.delivered} delivered, {len(result.refusals)} refused, {result.waiting} waiting")
    return _report(courier, [], result)


def _env(_: argparse.Namespace, settings: ClientSettings, job: CiJob, __: list[str]) -> int:
    values = {
        "url": settings.url or "not set",
        "token": "set" if settings.token else "not set",
        "service": settings.service,
        "environment": settings.environment or job.environment,
        "spool": spool_folder(settings, job.repository),
        "strict": str(settings.strict).lower(),
        "disabled": str(settings.disabled).lower(),
        **{name: value for name, value in job._asdict().items() if name != "environment"},
    }
    for name, value in values.items():
        print(f"{name:<12} {_without(value, settings.token)}".rstrip())
    return 0


def _doctor(_: argparse.Namespace, settings: ClientSettings, job: CiJob, __: list[str]) -> int:
    from .doctor import examine_all

    findings = examine_all(settings, spool_folder(settings, job.repository))
    for each in findings:
        print(f"{'ok ' if each.is_good else 'BAD'} {each.name:<12} {_without(each.text, settings.token)}")
    if settings.strict and not all(each.is_good for each in findings):
        return NOT_DELIVERED if settings.url else BAD_SETTINGS
    return 0


def _prepare_start(courier: Courier, event: dict[str, Any], status: str) -> Parcel:
    pair_id = courier.new_id(event, "start")
    begin = facts.begin_pair(event, pair_id, status=status)
    parcel = courier.prepare_event(pair_id, begin)
    if courier.spool is not None:
        names = ("kind", "title", "service", "environment", "release", "start")
        with suppress(OSError):  # then its end is told without its begin
            courier.spool.open_pair(pair_id, {"scope": facts.scope_of(courier.job), **{name: begin.get(name, "") for name in names}})
    return parcel


def _prepare_finish(courier: Courier, event: dict[str, Any], pair_id: str, *, start: str, status: str) -> Parcel:
    parcel = courier.prepare_event(facts.id_of_finish(pair_id), facts.end_pair(event, pair_id, start=start, status=status))
    if courier.spool is not None:
        courier.spool.close_pair(pair_id)
    return parcel


def _find_pair(courier: Courier, pair_id: str, request: facts.Request, job: CiJob) -> tuple[str, dict[str, str]]:
    """Return the pair that is meant, with what is known of its begin: the one of the id, else the newest of this job that fits."""
    for name, begin in courier.spool.pairs() if courier.spool is not None else []:
        texts = {field: str(value) for field, value in begin.items()}
        fits = all(
            not text or texts.get(field) == text for field, text in (("service", request.service), ("environment", request.environment))
        )
        if name == pair_id or (not pair_id and fits and texts.get("scope") == facts.scope_of(job)):
            return name, texts
    return pair_id, {}


def _complete_request(request: facts.Request, begin: dict[str, str]) -> facts.Request:
    """Return a request in which the begin of its pair says what flags do not."""
    return request._replace(
        kind=begin.get("kind") or request.kind,
        title=request.title or begin.get("title", ""),
        service=request.service or begin.get("service", ""),
        environment=request.environment or begin.get("environment", ""),
        version=request.version or begin.get("release", ""),
    )


def _deliver(courier: Courier, events: list[Parcel]) -> int:
    return _report(courier, events, courier.send(events))


def _report(courier: Courier, events: list[Parcel], result: Pass) -> int:
    """Say what did not go as it should; return the exit code."""
    settings, job = courier.settings, courier.job
    if courier.problem:
        _say(job, f"the spool does not do ({courier.problem}): events are sent at once, and lost where no server takes them")
    for refusal in result.refusals[:3]:
        _say(job, f"refused, HTTP {refusal.status}: {refusal_sentence(refusal.text)}")
    failure = result.failure
    if failure is not None:
        fate = "lost" if courier.spool is None and any(not each.in_spool for each in events) else "kept, `causeline-ci flush` sends it"
        if failure.is_credentials:
            _say(job, f"the token is NOT ACCEPTED ({failure.reason}): mend CAUSELINE_TOKEN; the event is {fate}")
        else:
            _say(job, f"not delivered ({failure.reason}): the event is {fate}")
    if not settings.strict:
        return 0
    if result.refusals or (failure is not None and failure.is_credentials):
        return NOT_TAKEN
    return NOT_DELIVERED if failure is not None or (courier.spool is None and not events) else 0


def _idle(settings: ClientSettings, job: CiJob) -> int | None:
    """Return the exit code where nothing is to be sent, else None."""
    if settings.disabled:
        return 0
    if not settings.url:
        _say(job, "CAUSELINE_URL is not set: nothing is sent")
        return BAD_SETTINGS if settings.strict else 0
    return None


def _run_bare(child: list[str]) -> int:
    from .child import run_child

    return run_child(child)


def _courier(settings: ClientSettings, job: CiJob) -> Courier:
    return Courier(settings, job, spool_folder(settings, job.repository))


def _say(job: CiJob, text: str) -> None:
    """Say something on one line of stderr, in the words that make it an annotation where the CI has them."""
    line = " ".join(facts.mend_text(text).split())
    if job.provider == GITHUB:
        line = "::warning title=causeline-ci::" + line.replace("%", "%25")
    elif job.provider == AZURE:
        line = "##vso[task.logissue type=warning]causeline-ci: " + line
    else:
        line = "causeline-ci: " + line
    with suppress(OSError, ValueError):  # nobody reads it
        print(line.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)


def _without(text: str, token: str) -> str:
    return text.replace(token, "***") if token else text


def _is_strict() -> bool:
    return os.environ.get(VARIABLES["strict"], "").strip().lower() not in ("", "0", "false", "no", "off")


def _split_child(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _read_wait(text: str) -> float:
    import re

    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)?", text.strip())
    seconds = float(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[match[2] or "s"] if match else -1.0
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise facts.UsageError("--wait: must be a duration up to 24h, such as 30s")
    return seconds


def _request(options: argparse.Namespace) -> facts.Request:
    return facts.Request(
        kind=options.kind or "",
        title=options.title or "",
        service=options.service or "",
        environment=options.environment or "",
        version=options.version or "",
        status=options.status or "",
        at=options.at or "",
        tags=tuple(options.tag),
        links=tuple(options.link),
        fields=tuple(options.field),
    )


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    connection = argparse.ArgumentParser(add_help=False)
    group = connection.add_argument_group("settings")
    group.add_argument("--url", metavar="URL", help="where the server is (CAUSELINE_URL)")
    group.add_argument(
        "--token", metavar="TOKEN", help="a token with the scope `ingest`; better CAUSELINE_TOKEN, which no list of processes shows"
    )
    group.add_argument("--spool", metavar="DIR", help="where events wait (CAUSELINE_SPOOL)")
    group.add_argument("--strict", action="store_true", help="fail where an event is not delivered (CAUSELINE_STRICT)")
    group.add_argument("--disabled", action="store_true", help="do nothing but run the child (CAUSELINE_DISABLED)")
    content = argparse.ArgumentParser(add_help=False)
    group = content.add_argument_group("event")
    group.add_argument("--title", help="what happened, in one line (kind, service and version)")
    group.add_argument("--service", help="(CAUSELINE_SERVICE)")
    group.add_argument("--environment", help="(CAUSELINE_ENVIRONMENT, else what the CI says)")
    group.add_argument("--version", help="what was deployed or released")
    group.add_argument("--tag", metavar="NAME=VALUE", action="append", default=[], help="more than once")
    group.add_argument("--link", metavar="[NAME=]URL", action="append", default=[], help="more than once")
    group.add_argument("--at", metavar="TIME", help="when: RFC 3339 or ms since the epoch (now)")
    group.add_argument("--field", metavar="PATH=JSON", action="append", default=[], help="any field: commits='[\"9b1d7c4\"]'")
    parser = argparse.ArgumentParser(
        "causeline-ci", description="Sends events of CI jobs to Causeline.", epilog=_EXAMPLES, formatter_class=layout
    )
    parser.add_argument("--version", action="version", version=f"causeline-ci {__version__}", dest="program_version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, text: str, example: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example:\n  causeline-ci {example}",
            parents=[*parents, connection],
            allow_abbrev=False,
            formatter_class=layout,
        )

    one = add("send", "send one event; `-` reads NDJSON", "send config_change --service checkout --title 'Timeout 2s'", content)
    one.add_argument("kind", metavar="KIND")
    one.add_argument("--status", help="kept in lower case")
    begin = add("start", "send the begin of a pair; its id is printed and remembered", "start deployment --service checkout", content)
    begin.add_argument("kind", metavar="KIND")
    begin.add_argument("--status", help="(started)")
    end = add("finish", "send the end of a pair", "finish --status failure", content)
    end.add_argument("id", metavar="ID", nargs="?", help="what `start` printed (the newest of this job)")
    end.add_argument("--kind", default="deployment", help="where no start is remembered (deployment)")
    end.add_argument("--status", required=True, choices=("success", "failure", "cancelled"))
    both = add("run", "send start, run a command, send its end", "run deployment --service checkout -- ./deploy.sh", content)
    both.add_argument("kind", metavar="KIND")
    both.set_defaults(status="")
    rest = add("flush", "send what lies in the spool", "flush --wait 30s")
    rest.add_argument("--wait", metavar="DURATION", default="0", help="how long to try (once)")
    for name, text in (("env", "show what was detected"), ("doctor", "look at name, TLS, token, clock and spool")):
        add(name, text, name)
    for command in (rest, commands.choices["env"], commands.choices["doctor"]):
        command.set_defaults(service="", environment="")
    return parser
