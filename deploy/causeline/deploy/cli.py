"""The command line: the groups of `commands/`, put together. Each command is declared where it lives (`commands/<group>/options.py`).

Whatever a user can get wrong ends as one line on standard error and exit code 2 (or 1 where nothing was wrong with the request), never as a
traceback. The modules named `options` load nothing heavy until their command runs, and the flags of the settings are made when a command's
own options are asked for (`commands/late_command.py`): `causeline --help` loads typer, rich and nothing else.
"""

import logging
import sys

import typer

from causeline.deploy.commands.around.options import around
from causeline.deploy.commands.causes import options as causes
from causeline.deploy.commands.dead_letters import options as dead_letters
from causeline.deploy.commands.deliveries import options as deliveries
from causeline.deploy.commands.demo.options import demo
from causeline.deploy.commands.dora.options import dora
from causeline.deploy.commands.help_loading import HELP_OPTIONS, load_help
from causeline.deploy.commands.insights.options import insights
from causeline.deploy.commands.late_command import CommandGroup, LateCommand
from causeline.deploy.commands.mcp.options import mcp
from causeline.deploy.commands.migrate.options import migrate
from causeline.deploy.commands.processes.options import deliver, processors, server, up
from causeline.deploy.commands.rebuild.options import rebuild
from causeline.deploy.commands.services import options as services
from causeline.deploy.commands.sessions import options as sessions
from causeline.deploy.commands.settings.options import settings
from causeline.deploy.commands.subscriptions import options as subscriptions
from causeline.deploy.commands.tail.options import tail
from causeline.deploy.commands.tokens import options as tokens
from causeline.deploy.commands.topics.options import topics
from causeline.deploy.commands.version import version

app = typer.Typer(
    cls=CommandGroup,
    help="Every change and every problem of a fleet, on one Kafka log, queryable by time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_OPTIONS},
)
# In the order of `causeline --help`.
for command in (around, dora, insights, mcp, tail, demo, version, up, server, processors, deliver, topics, migrate, settings, rebuild):
    app.command(cls=LateCommand)(command)
app.add_typer(tokens.app, name="token")
app.add_typer(sessions.app, name="session")
app.add_typer(dead_letters.app, name="dlq")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(services.app, name="services")
app.add_typer(causes.app, name="causes")


def main() -> None:
    """Run the command line (the entry point `causeline`)."""
    # On loopback it is no news, and whoever names a cluster without `tls=1` chose so; the client says it at every connection.
    logging.getLogger("aiokafka.conn").addFilter(lambda record: record.msg != "Sending username and password in the clear")
    if not sys.argv[1:] or not set(HELP_OPTIONS).isdisjoint(sys.argv):
        load_help()
    app(prog_name="causeline")


if __name__ == "__main__":
    main()
