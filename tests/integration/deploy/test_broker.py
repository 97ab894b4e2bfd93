import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from causeline.deploy.commands.tokens.commands import TokenError, create
from causeline.deploy.embedded.broker import EmbeddedBroker, EmbeddedBrokerError, answers
from causeline.deploy.embedded.broker_secret import address_file
from causeline.deploy.embedded.java import find_java
from causeline.deploy.settings import Settings
from causeline.schemas.kafka_address import bare_address, client_options, parse_address
from tests.ports import free_port

OWNER = """
import sys
from pathlib import Path
from causeline.deploy.embedded.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]))
broker.start()
print(broker.pid, broker.port, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker that a test may kill."""
    own_broker = EmbeddedBroker(tmp_path / "data")
    yield own_broker
    own_broker.stop()


def test_a_broker_that_cannot_start_tells_what_this_start_wrote_and_nothing_older(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "data", heap="1k")
    broker.log_file.parent.mkdir(parents=True)
    broker.log_file.write_text("a line of an earlier life\n")
    with pytest.raises(EmbeddedBrokerError, match="heap") as caught:
        broker.start()
    assert "earlier life" not in str(caught.value)


async def make(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def write(bootstrap: str, topic: str, values: list[bytes], transactional_id: str | None = None) -> None:
    producer = AIOKafkaProducer(**client_options(bootstrap), acks="all", max_request_size=8 << 20, transactional_id=transactional_id)
    await producer.start()
    try:
        if transactional_id is None:
            for value in values:
                await producer.send_and_wait(topic, value)
        else:
            async with producer.transaction():
                for value in values:
                    await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(**client_options(bootstrap), isolation_level="read_committed", auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await consumer.getone()).value or b"" for _ in range(count)]
    finally:
        await consumer.stop()


async def test_what_was_acknowledged_is_there_after_kill_9_and_a_stop(own: EmbeddedBroker) -> None:
    own.start()
    port = own.port
    await make(own.bootstrap, "kept")
    await write(own.bootstrap, "kept", [b"before"])
    await write(own.bootstrap, "kept", [b"in a transaction"], transactional_id="t")
    own.kill()
    assert not own.alive()
    own.restart()
    assert own.port == port
    await write(own.bootstrap, "kept", [b"after a kill"])
    own.stop()
    own.start()
    assert await read(own.bootstrap, "kept", 3) == [b"before", b"in a transaction", b"after a kill"]


async def test_a_record_of_eight_mebibytes_less_its_frame_is_taken(broker: EmbeddedBroker) -> None:
    await make(broker.bootstrap, "large")
    value = os.urandom((8 << 20) - 1_024)
    await write(broker.bootstrap, "large", [value])
    assert await read(broker.bootstrap, "large", 1) == [value]


def test_a_second_start_takes_no_longer_than_the_first(own: EmbeddedBroker) -> None:
    took = []
    for _ in range(2):
        began = time.monotonic()
        own.start()
        took.append(time.monotonic() - began)
        own.stop()
    assert took[1] < 2 * took[0], "the first one made the data folder too, and this one found it"


def test_it_runs_on_the_packaged_java_where_the_machine_has_none(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"PATH", "JAVA_HOME"}}
    broker = EmbeddedBroker(tmp_path, environment=environment)
    try:
        broker.start()
        assert Path(psutil.Process(broker.pid).exe()).resolve() == find_java({}).path.resolve()
        assert answers("127.0.0.1", broker.port)
    finally:
        broker.stop()


def test_it_listens_on_loopback_only_and_is_known_by_its_command_line(broker: EmbeddedBroker) -> None:
    process = psutil.Process(broker.pid)
    assert "kafka.Kafka" in process.cmdline()
    listening = {entry.laddr.ip for entry in process.net_connections("inet") if entry.status == psutil.CONN_LISTEN}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.parametrize("credentials", ["", "causeline:guessed@"])
async def test_who_does_not_know_the_password_is_refused(broker: EmbeddedBroker, credentials: str) -> None:
    admin = AIOKafkaAdminClient(**client_options(f"{credentials}127.0.0.1:{broker.port}"), request_timeout_ms=5_000)
    with pytest.raises(KafkaError):
        await admin.start()
    await admin.close()


def test_the_controllers_port_asks_for_the_password_too(broker: EmbeddedBroker) -> None:
    entries = psutil.Process(broker.pid).net_connections("inet")
    ports = {entry.laddr.port for entry in entries if entry.status == psutil.CONN_LISTEN}
    assert len(ports) == 2
    assert {port: sasl_handshake(port) for port in ports} == dict.fromkeys(ports, 0)


async def test_who_does_not_know_the_password_makes_no_token(broker: EmbeddedBroker, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, kafka_port=broker.port)
    with pytest.raises(TokenError, match=f"no broker answers at 127.0.0.1:{broker.port}"):
        await asyncio.to_thread(create, settings, tenant="shop", scopes=["admin"], groups=[], name="", expires="never")


def test_the_password_lies_in_files_of_the_owner_and_in_no_log_and_no_command_line(broker: EmbeddedBroker) -> None:
    password = parse_address(broker.bootstrap).password
    home = broker.client_properties.parent
    holding = {path.name for path in home.iterdir() if path.is_file() and password in path.read_text("utf-8")}
    assert holding == {"address", "client.properties", "server.properties"}
    assert {(home / name).stat().st_mode & 0o777 for name in holding} == {0o600}
    assert password not in broker.log_file.read_text("utf-8")
    assert password not in " ".join(psutil.Process(broker.pid).cmdline())


async def test_the_password_is_kept_over_starts_until_its_file_is_removed(own: EmbeddedBroker, tmp_path: Path) -> None:
    own.start()
    first = own.bootstrap
    own.restart()
    assert own.bootstrap == first
    address_file(tmp_path / "data").unlink()
    own.stop()
    following = EmbeddedBroker(tmp_path / "data")
    try:
        following.start()
        assert parse_address(following.bootstrap).password != parse_address(first).password
        await make(following.bootstrap, "after")
    finally:
        following.stop()


def sasl_handshake(port: int) -> int:
    """Return the error code of a SaslHandshake (v1) for PLAIN: 0 where a password is asked for, 34 (ILLEGAL_SASL_STATE) where none is."""
    request = struct.pack(">hhih4sh5s", 17, 1, 1, 4, b"test", 5, b"PLAIN")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        code: int = struct.unpack(">iih", connection.recv(10, socket.MSG_WAITALL))[2]
    return code


def test_it_outlives_the_thread_that_started_it(own: EmbeddedBroker) -> None:
    thread = threading.Thread(target=own.start)
    thread.start()
    thread.join()
    # The kernel would have sent the signal when the thread ended: a round trip later it would be there.
    assert answers("127.0.0.1", own.port)
    assert own.alive()


def test_it_ends_with_its_owner_even_when_that_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert owner.stdin
    assert owner.stdout
    with owner.stdin, owner.stdout:
        pid, port = (int(word) for word in owner.stdout.readline().split())
        process = psutil.Process(pid)
        second = EmbeddedBroker(tmp_path, port)
        with pytest.raises(EmbeddedBrokerError, match=f"already runs as process {pid}, started by process {owner.pid}"):
            second.start()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        process.wait(10)
        second.start()
        second.stop()


def test_a_broker_that_was_left_over_is_ended_by_the_next_start(own: EmbeddedBroker, tmp_path: Path) -> None:
    own.start()
    pid_file = tmp_path / "data" / "kafka" / "broker.pid"
    # As the kernel leaves it where it cannot tie children: the owner in the file is not the parent any more.
    pid_file.write_text(f"{own.pid} 1\n")
    leftover, port = psutil.Process(own.pid), own.port
    following = EmbeddedBroker(tmp_path / "data", port)
    following.start()
    try:
        assert following.pid != leftover.pid
        assert not own.alive()
    finally:
        following.stop()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(EmbeddedBrokerError, match=f"port {port} on 127.0.0.1 is taken"):
        EmbeddedBroker(tmp_path, port).start()


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(own: EmbeddedBroker, tmp_path: Path) -> None:
    own.start()
    own.stop()
    (tmp_path / "data" / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")
    with pytest.raises(EmbeddedBrokerError, match=r"(?s)exit code 1.*kafka\.log ends with:.*node"):
        own.start()


def test_the_tools_of_kafka_run_beside_it(broker: EmbeddedBroker) -> None:
    args = ["--bootstrap-server", bare_address(broker.bootstrap), "--command-config", str(broker.client_properties)]
    result = broker.kafka_tool("org.apache.kafka.tools.TopicCommand", [*args, "--create", "--topic", "measured", "--partitions", "1"])
    assert result.stdout.strip() == "Created topic measured."
    props = ["--producer.config", str(broker.client_properties), "--producer-props", "acks=all"]
    sized = ["--topic", "measured", "--num-records", "1000", "--record-size", "100", "--throughput", "-1"]
    measured = broker.kafka_tool("org.apache.kafka.tools.ProducerPerformance", [*sized, *props])
    assert measured.returncode == 0
    assert "1000 records sent" in measured.stdout
