"""`causeline up`: the whole stack on this machine, in the foreground, from nothing but settings.

What is decided here and nowhere else: which ports (a taken one is refused or moved), which parts (a configured Kafka cluster replaces
the broker), what the children are told (everything, by environment), and what is printed once events flow.
"""

import asyncio
import os
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from typing import Final

import structlog

from causeline.deploy import logs
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.deploy.embedded.broker_secret import address_file
from causeline.deploy.embedded.free_ports import Claims
from causeline.deploy.embedded.instance import hold_folder
from causeline.deploy.embedded.parts import BrokerPart, CommandPart, Part, causeline_argv
from causeline.deploy.embedded.supervisor import Supervisor
from causeline.deploy.hosts import is_loopback, reachable
from causeline.deploy.secrets_key import kept_key
from causeline.deploy.settings import Settings, mask_setting
from causeline.schemas.kafka_address import bare_address

_log = structlog.get_logger(__name__)

# The server may drain 15 s, the delivery workers 3 s, the processors finish a transaction; with the broker's 10 s (`parts.py`) below the
# promised 40 s.
_SERVER_STOP_S: Final = 18.0
_DELIVER_STOP_S: Final = 5.0
_PROCESSORS_STOP_S: Final = 6.0
_READY_TIMEOUT_S: Final = 2.0


def run_stack(settings: Settings) -> int:
    """Run the stack until SIGTERM or SIGINT; return the exit code.

    Raises InstanceError, SecretsKeyError, PortError, JavaError, JarError before anything was started.
    """
    logs.configure_logging(settings.log_level, settings.log_format, "supervisor")
    os.umask(0o077)  # What the children make in the data folder is for this user alone.
    with hold_folder(settings.data_dir), Claims() as claims:
        stack_settings = _with_ports(settings, claims)
        if not stack_settings.secrets_key:
            stack_settings = stack_settings.model_copy(update={"secrets_key": kept_key(stack_settings.data_dir)})
        broker = _broker(stack_settings) if settings.embedded_kafka else None
        if broker is not None:
            stack_settings = stack_settings.model_copy(update={"kafka": broker.bootstrap})
        env = {**os.environ, **stack_settings.to_environment()}
        parts: list[Part] = [] if broker is None else [BrokerPart(broker)]
        parts.append(CommandPart("processors", causeline_argv("processors"), env, _PROCESSORS_STOP_S))
        parts.append(CommandPart("deliver", causeline_argv("deliver"), env, _DELIVER_STOP_S))
        parts.append(CommandPart("server", causeline_argv("server"), env, _SERVER_STOP_S))
        _log.info(
            "starting",
            data_dir=str(stack_settings.data_dir),
            kafka="embedded" if broker else bare_address(stack_settings.kafka),
            pid=os.getpid(),
        )

        async def supervise() -> int:
            return await Supervisor(parts, ready=_readiness(stack_settings), announce=lambda: _announce(stack_settings, parts)).run()

        return asyncio.run(supervise())


def _with_ports(settings: Settings, claims: Claims) -> Settings:
    """Return the settings with ports that are free now, and that no other Causeline takes as long as the claims are held."""
    bindings = [("http_port", settings.host), ("grpc_port", settings.host), ("processors_metrics_port", settings.host)]
    bindings.append(("deliveries_metrics_port", settings.host))
    if settings.embedded_kafka:
        bindings.append(("kafka_port", "127.0.0.1"))
    ports: dict[str, int] = {}
    for name, host in bindings:
        flag = f"--{name.replace('_', '-')}"
        ports[name] = claims.take(host, getattr(settings, name), flag=flag, move=settings.free_ports)
    return settings.model_copy(update=ports)


def _broker(settings: Settings) -> EmbeddedBroker:
    """Make the broker ready to start: what can be missing (Java, jars, network) is told before anything runs."""
    broker = EmbeddedBroker(
        settings.data_dir,
        settings.kafka_port,
        cache_dir=settings.cache_dir,
        heap=settings.kafka_heap,
        repository=settings.maven,
    )
    broker.provision()
    return broker


def _readiness(settings: Settings) -> Callable[[], bool]:
    host = reachable(settings.host)

    def ready() -> bool:
        connection = HTTPConnection(host, settings.http_port, timeout=_READY_TIMEOUT_S)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200  # noqa: PLR2004 - OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return ready


def _announce(settings: Settings, parts: list[Part]) -> None:
    """Print one block that says where everything is."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{settings.http_port}"
    clickhouse = mask_setting("clickhouse", settings.clickhouse) or f"embedded, {settings.data_dir / 'clickhouse'}"
    is_embedded = any(part.name == "broker" for part in parts)
    metrics = (settings.http_port, settings.processors_metrics_port, settings.deliveries_metrics_port)
    processes = ", ".join(f"{part.name} {part.pid}" for part in parts)
    print(f"Causeline {version('causeline')} is ready; Ctrl-C stops it")
    for name, text in (
        ("HTTP", f"{url}  (calls: /docs, state: /readyz)"),
        ("gRPC", f"{host}:{settings.grpc_port}  (Tracker)"),
        (
            "Kafka",
            bare_address(settings.kafka) + (f"  (embedded; user and password: {address_file(settings.data_dir)})" if is_embedded else ""),
        ),
        ("ClickHouse", clickhouse),
        ("Metrics", ", ".join(f"http://{host}:{port}/metrics" for port in metrics)),
        ("Data", f"{settings.data_dir}  (the broker's log: logs/kafka.log)"),
        ("Processes", f"supervisor {os.getpid()}, {processes}"),
    ):
        print(f"  {name:<11} {text}", flush=True)
    if not is_loopback(settings.host) and not settings.auth_required:
        print("  Everybody who reaches this address may read and write: nobody is authenticated", flush=True)
