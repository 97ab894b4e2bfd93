"""`causeline topics`. It loads no client until it runs."""

from typing import TYPE_CHECKING

from causeline.deploy.commands.settings_flags import with_settings

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings


@with_settings
def topics(settings: "Settings") -> None:
    """Show the topics: owner, key, schema, retention, and the partitions they have where a broker answers.

    Example: `causeline topics --kafka 127.0.0.1:19092`
    """
    from causeline.deploy.commands.topics.text import print_topics

    print_topics(settings)
