"""`causeline settings`."""

import os

from causeline.deploy.commands.settings_flags import Flags, settings_of, with_flags


@with_flags
def settings(flags: Flags) -> None:
    """Show every setting, its value and where it came from: default, environment or flag.

    Example: `CAUSELINE_HTTP_PORT=9000 causeline settings --partitions 8`
    """
    from causeline.deploy.commands.settings.table import print_settings

    print_settings(settings_of(flags), flags, os.environ)
