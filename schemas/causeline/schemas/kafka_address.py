"""The address of a Kafka, with what its clients show: `[user:password@]host:port[,host:port…][?mechanism=SCRAM-SHA-512&tls=1]`.

One text travels through settings and environments, and every client is made with `client_options` of it. User and password are
percent-encoded where they hold other than letters, digits, `-`, `.`, `_` and `~`. The text is a secret: what is printed is `bare_address`.
"""

import re
import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from causeline.schemas.values.mask import MASK

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]@?]+):(\d{1,5})")
_SWITCH: Final = {"1": True, "0": False}


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Bootstrap servers, each `host:port`, and how a client proves who it is; `user` is empty where nobody is asked."""

    servers: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = MECHANISMS[0]
    tls: bool = False

    @property
    def bootstrap(self) -> str:
        """The servers, `host:port,…`, without user and password."""
        return ",".join(self.servers)

    @property
    def text(self) -> str:
        """The address as `parse_address` reads it."""
        return self._render(quote(self.password, safe=""))

    @property
    def masked_text(self) -> str:
        """The address as it may be printed, `***` for the password."""
        return self._render(MASK)

    def _render(self, password: str) -> str:
        credentials = f"{quote(self.user, safe='')}:{password}@" if self.user else ""
        options = [f"mechanism={self.mechanism}"] if self.mechanism != MECHANISMS[0] else []
        options += ["tls=1"] if self.tls else []
        return f"{credentials}{self.bootstrap}{'?' + '&'.join(options) if options else ''}"


def parse_address(text: str) -> KafkaAddress:
    """Read an address. Raises ValueError, whose message never holds what was given: it may be a password."""
    credentials, at, rest = text.strip().rpartition("@")
    hosts, _, options = rest.partition("?")
    servers = tuple(part.strip() for part in hosts.split(","))
    if not all(_SERVER.fullmatch(server) for server in servers):
        raise ValueError("is not host:port,… or user:password@host:port,…")
    user, _, password = credentials.partition(":")
    if at and not (user and password):
        raise ValueError("has no user:password before its @")
    parameters = dict(parse_qsl(options, keep_blank_values=True))
    mechanism, tls = parameters.pop("mechanism", MECHANISMS[0]), parameters.pop("tls", "0")
    if parameters or mechanism not in MECHANISMS or tls not in _SWITCH:
        raise ValueError(f"takes after its ? mechanism={'|'.join(MECHANISMS)} and tls=1 only")
    return KafkaAddress(servers, unquote(user), unquote(password), mechanism, _SWITCH[tls])


def bare_address(text: str) -> str:
    """Return an address without its user and password, empty for an empty one."""
    return parse_address(text).bootstrap if text else ""


def client_options(text: str) -> dict[str, Any]:
    """Return the options that every client of aiokafka takes. Raises ValueError."""
    address = parse_address(text)
    options: dict[str, Any] = {"bootstrap_servers": address.bootstrap}
    if address.tls:
        options["ssl_context"] = ssl.create_default_context()
    if not address.user:
        return options | ({"security_protocol": "SSL"} if address.tls else {})
    return options | {
        "security_protocol": "SASL_SSL" if address.tls else "SASL_PLAINTEXT",
        "sasl_mechanism": address.mechanism,
        "sasl_plain_username": address.user,
        "sasl_plain_password": address.password,
    }
