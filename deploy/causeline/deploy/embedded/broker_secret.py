"""The password of the embedded broker: random, made once, kept in the data folder for its owner alone.

`kafka/address` holds the whole address with user and password, as CAUSELINE_KAFKA takes it; `kafka/client.properties` the same for
Kafka's own tools and Java clients. Both are written at every start, since the port may be another.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from causeline.deploy.embedded.broker_config import LOGIN
from causeline.deploy.settings import Settings
from causeline.schemas.kafka_address import KafkaAddress, parse_address

USER: Final = "causeline"
_FOLDER: Final = "kafka"
_OWNER_ONLY: Final = 0o600
_BYTES: Final = 32
ADVICE: Final = "start `causeline up`, or name it by --kafka, or by --data-dir (its password lies there) and --kafka-port"


def address_file(data_dir: Path) -> Path:
    """Return where the address of a data folder's broker is kept."""
    return data_dir / _FOLDER / "address"


def client_properties_file(data_dir: Path) -> Path:
    """Return where the settings of Kafka's own tools are kept."""
    return data_dir / _FOLDER / "client.properties"


def kept_password(data_dir: Path) -> str:
    """Return the password of a data folder's broker, a new one where none is kept: the next start tells it to the broker."""
    try:
        password = parse_address(address_file(data_dir).read_text("ascii")).password
    except (OSError, ValueError):
        password = ""
    return password or secrets.token_urlsafe(_BYTES)


def address(server: str, password: str) -> str:
    """Return the address of a broker at `host:port`."""
    return KafkaAddress((server,), USER, password).text


def keep(data_dir: Path, server: str, password: str) -> None:
    """Write both files for a broker at `host:port`."""
    login = f'{LOGIN} required username="{USER}" password="{password}";'
    lines = (f"bootstrap.servers={server}", "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", f"sasl.jaas.config={login}")
    write_for_owner(address_file(data_dir), address(server, password) + "\n")
    write_for_owner(client_properties_file(data_dir), "".join(f"{line}\n" for line in lines))


def write_for_owner(path: Path, text: str) -> None:
    """Replace a file as a whole by one that nobody but its owner may read, at no moment."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY), "w", encoding="ascii") as file:
        file.write(text)
    new.replace(path)


def address_for_commands(settings: Settings) -> str:
    """Return the address that commands talk to: the cluster's, or that of the broker that runs on the data folder, at `kafka_port`."""
    if settings.kafka:
        return settings.kafka
    server = f"127.0.0.1:{settings.kafka_port}"
    try:
        saved_address = parse_address(address_file(settings.data_dir).read_text("ascii"))
    except (OSError, ValueError):
        return server
    return KafkaAddress((server,), saved_address.user, saved_address.password).text
