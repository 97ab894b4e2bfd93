"""`causeline up | server | processors | deliver`. It loads neither clients nor engines until a command runs."""

from typing import TYPE_CHECKING

from causeline.deploy.commands.refusing import refuse
from causeline.deploy.commands.settings_flags import with_settings
from causeline.deploy.exit_codes import COMMAND_FAILED, USAGE

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings


@with_settings
def up(settings: "Settings") -> None:
    """Run everything on this machine, in the foreground: broker, processors and server.

    Examples: `causeline up`, `causeline up --data-dir /var/lib/causeline --http-port 80`, `causeline up --free-ports`,
    `CAUSELINE_KAFKA=kafka-1:9092 causeline up`
    """
    from causeline.deploy.embedded.free_ports import PortError
    from causeline.deploy.embedded.instance import InstanceError
    from causeline.deploy.embedded.jars import JarError
    from causeline.deploy.embedded.java import JavaError
    from causeline.deploy.embedded.up import run_stack
    from causeline.deploy.secrets_key import SecretsKeyError

    try:
        code = run_stack(settings)
    except (InstanceError, PortError, SecretsKeyError) as error:
        refuse(str(error), USAGE)
    except (JarError, JavaError) as error:
        refuse(str(error), COMMAND_FAILED)
    raise SystemExit(code)


@with_settings
def server(settings: "Settings") -> None:
    """Serve the HTTP APIs and fill ClickHouse; start as many as needed beside a cluster.

    Example: `causeline server --kafka kafka-1:9092 --clickhouse https://user:secret@clickhouse:8443/causeline`
    """
    _demand_kafka(settings, "server")
    from causeline.deploy.server.serve import run_server

    run_server(settings)


@with_settings
def processors(settings: "Settings") -> None:
    """Deduplicate events and run problems through their lifecycle, exactly once; start as many as needed.

    Example: `causeline processors --kafka kafka-1:9092,kafka-2:9092`
    """
    _demand_kafka(settings, "processors")
    from causeline.deploy.process import run_processors

    run_processors(settings)


@with_settings
def deliver(settings: "Settings") -> None:
    """Deliver to subscriptions: call webhooks, write to Slack; start as many as needed.

    Example: `causeline deliver --kafka kafka-1:9092,kafka-2:9092 --delivery-allow hooks.internal`
    """
    _demand_kafka(settings, "deliver")
    from causeline.deploy.deliver import run_workers

    run_workers(settings)


def _demand_kafka(settings: "Settings", command: str) -> None:
    if not settings.kafka:
        refuse(f"`causeline {command}` needs --kafka host:port,… (or CAUSELINE_KAFKA); `causeline up` runs a broker itself", USAGE)
