"""`causeline tail`: the stream of a running server in a terminal."""

import os
import sys
from typing import TextIO

from causeline.deploy.adapters.stream_client import StreamRequest, messages
from causeline.deploy.commands.tail.text import line_of


def run_tail(what: StreamRequest, out: TextIO = sys.stdout) -> None:
    """Print until Ctrl-C, until nobody reads what is printed, or until the limit. Raises TailError."""
    colours = out.isatty() and not os.environ.get("NO_COLOR")
    try:
        for number, (kind, data) in enumerate(messages(what), 1):
            print(data if what.as_json else line_of(kind, data, colours=colours), file=out, flush=True)
            if number == what.limit:
                return
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())  # or the interpreter fails to flush it at its end
