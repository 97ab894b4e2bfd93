import os
import signal
import socket
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

from causeline.deploy.broker import BrokerError, EmbeddedBroker, answers
from causeline.deploy.free_ports import free_port
from causeline.deploy.java import find_java

OWNER = """
import sys
from pathlib import Path
from causeline.deploy.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]))
broker.start()
print(broker.pid, broker.port, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker that a test may kill."""
    started = EmbeddedBroker(tmp_path / "data")
    yield started
    started.stop()


def test_a_broker_that_cannot_start_tells_what_this_start_wrote_and_nothing_older(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "data", heap="1k")
    broker.log_file.parent.mkdir(parents=True)
    broker.log_file.write_text("a line of an earlier life\n")
    with pytest.raises(BrokerError, match="heap") as told:
        broker.start()
    assert "earlier life" not in str(told.value)


async def make(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def write(bootstrap: str, topic: str, values: list[bytes], transactional_id: str | None = None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=8 << 20, transactional_id=transactional_id)
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
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest")
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


def test_a_second_start_is_fast(own: EmbeddedBroker) -> None:
    own.start()
    own.stop()
    began = time.monotonic()
    own.start()
    assert time.monotonic() - began < 10


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
        with pytest.raises(BrokerError, match=f"already runs as process {pid}, started by process {owner.pid}"):
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
    left, port = psutil.Process(own.pid), own.port
    following = EmbeddedBroker(tmp_path / "data", port)
    following.start()
    try:
        assert following.pid != left.pid
        assert not own.alive()
    finally:
        following.stop()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(BrokerError, match=f"port {port} on 127.0.0.1 is taken"):
        EmbeddedBroker(tmp_path, port).start()


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(own: EmbeddedBroker, tmp_path: Path) -> None:
    own.start()
    own.stop()
    (tmp_path / "data" / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")
    with pytest.raises(BrokerError, match=r"(?s)exit code 1.*kafka\.log ends with:.*node"):
        own.start()


def test_the_tools_of_kafka_run_beside_it(broker: EmbeddedBroker) -> None:
    args = ["--bootstrap-server", broker.bootstrap]
    made = broker.kafka_tool("org.apache.kafka.tools.TopicCommand", [*args, "--create", "--topic", "measured", "--partitions", "1"])
    assert made.stdout.strip() == "Created topic measured."
    props = ["--producer-props", f"bootstrap.servers={broker.bootstrap}", "acks=all"]
    sized = ["--topic", "measured", "--num-records", "1000", "--record-size", "100", "--throughput", "-1"]
    measured = broker.kafka_tool("org.apache.kafka.tools.ProducerPerformance", [*sized, *props])
    assert measured.returncode == 0
    assert "1000 records sent" in measured.stdout
