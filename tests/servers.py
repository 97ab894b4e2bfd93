"""Kafka and ClickHouse as servers in containers: `python -m tests.servers` runs the contract and integration suites on them.

`make test` calls it before the whole suite, which runs on the embedded parts. Where no Docker engine answers it says so in one line.
"""

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import pytest

SUITES = ("tests/contract", "tests/integration")
KAFKA_IMAGE = "confluentinc/cp-kafka:8.1.0"  # Apache Kafka 4.1, as the embedded one
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:26.9"  # the version of the embedded engine


@cache
def docker_answers() -> bool:
    """Say whether a Docker engine can be asked."""
    with warnings.catch_warnings():
        # A client that finds no engine leaves its socket to the collector, which would fail some other test later.
        warnings.simplefilter("ignore", ResourceWarning)
        is_there = _ping()
        gc.collect()
    return is_there


def _ping() -> bool:
    from docker.client import DockerClient  # noqa: PLC0415 - only where somebody asks
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        client = DockerClient.from_env(timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


class ServerBroker(NamedTuple):
    """A Kafka server, by its address."""

    bootstrap: str


@contextmanager
def kafka_server() -> Iterator[ServerBroker]:
    """Run a Kafka server in a container."""
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - only where Docker is

    container = KafkaContainer(KAFKA_IMAGE).with_kraft()
    settings = {"MESSAGE_MAX_BYTES": "12582912", "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1", "TRANSACTION_STATE_LOG_MIN_ISR": "1"}
    settings |= {"GROUP_MIN_SESSION_TIMEOUT_MS": "1000", "AUTO_CREATE_TOPICS_ENABLE": "false"}
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name}", value)
    with container as started:
        yield ServerBroker(started.get_bootstrap_server())


@contextmanager
def clickhouse_server() -> Iterator[str]:
    """Run a ClickHouse server in a container; give its address for `CAUSELINE_CLICKHOUSE`."""
    from testcontainers.community.clickhouse import ClickHouseContainer  # noqa: PLC0415 - only where Docker is

    with ClickHouseContainer(CLICKHOUSE_IMAGE) as started:
        port = started.get_exposed_port(8123)
        yield f"http://{started.username}:{started.password}@{started.get_container_host_ip()}:{port}"


def main() -> int:
    """Run the suites on servers, or say that they were skipped; return the exit code."""
    if docker_answers():
        return int(pytest.main([*SUITES, "--servers", "-m", "not chaos and not bench"]))
    print("servers: skipped, no Docker engine answers; the same suites run on the embedded Kafka and ClickHouse")
    return 0


if __name__ == "__main__":
    sys.exit(main())
