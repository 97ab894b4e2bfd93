"""The port on which a process without an HTTP API answers `/metrics`."""

import errno

from prometheus_client import start_http_server

from causeline.deploy.embedded.free_ports import PortError


def serve_metrics(host: str, port: int, *, flag: str) -> None:
    """Answer from a thread until the process ends. Raises PortError that names the port and the flag that changes it."""
    try:
        start_http_server(port, addr=host)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortError(f"port {port} on {host} is taken: choose another with {flag}") from error
