"""The configuration of the embedded broker as text: `server.properties` and the options of its JVM.

One node is broker and controller at once (KRaft combined mode). The controller's quorum is stated by `controller.quorum.voters`, not
written into the metadata log at format time: so both ports may be others at every start on the same folder.
"""

import re
from pathlib import Path
from typing import Final

MAX_MESSAGE_BYTES: Final = 8 << 20
LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_PLAIN: Final = re.compile(r"[\w-]+", re.ASCII)
_HEAP: Final = re.compile(r"\d+[kmgKMG]")

# Measured on 2 cores shared with the producer, 1 M records of 300 bytes, Java 17: with only the first compiler and the serial collector
# the broker takes 1.0-1.2 s of processor time per million records and a cold start sends 440 k records/s; with both compilers
# 1.4-1.6 s and 270 k/s cold, G1 and the parallel collector no better; warm, all are alike (360-400 k/s). It starts in 1.2 s
# against 1.3-1.5 s and uses 50 MB less. The broker mostly moves bytes, and the compiler would compete with the Python processes.
JVM_FLAGS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")

LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    # One line per property of every client and of the broker itself: three quarters of the log otherwise.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
)


def jvm_options(heap: str) -> list[str]:
    """Return the options for a heap such as `512m`. Raises ValueError for another form."""
    if _HEAP.fullmatch(heap) is None:
        raise ValueError(f"{heap!r} is not a heap size such as 512m or 1g")
    return [f"-Xmx{heap}", *JVM_FLAGS, *LOGGING]


def properties(data: Path, host: str, port: int, controller_port: int, user: str, password: str) -> str:
    """Return server.properties for a node that keeps its log in `data`, listens on `host` only and takes one user; the text is a secret.

    Both listeners ask for the password, the controller's too: who reaches it could write to the metadata log. User and password need no
    escaping in JAAS, so they are letters, digits, `-` and `_`. Raises ValueError for others.
    """
    if not (_PLAIN.fullmatch(user) and _PLAIN.fullmatch(password)):
        raise ValueError("user and password of the broker are letters, digits, - and _")
    login = f'{LOGIN} required username="{user}" password="{password}" user_{user}="{password}";'
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{host}:{controller_port}",
        "listeners": f"CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"CLIENT://{host}:{port}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": login,
        "listener.name.controller.plain.sasl.jaas.config": login,
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        # One node: every internal topic has one replica. A few partitions, because each costs files and time at a start.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A group of one member need not wait for others, and a killed member is noticed soon.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # After a kill -9 the controller refuses the restarted broker until the old one's session has ended
        # (DUPLICATE_BROKER_REGISTRATION): 11 s to be up again with the default of 9 s, 4 s with this.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        "socket.request.max.bytes": str(100 << 20),
        "compression.type": "producer",
        # The cleaner's map of keys: 16 MiB hold 700 k keys in one pass; the default of 128 MiB is a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
    }
    return "".join(f"{key}={_escape(value)}\n" for key, value in values.items())


def _escape(value: str) -> str:
    """Escape what java.util.Properties would read as something else: backslashes, and characters beyond ASCII (as UTF-16 units)."""
    return "".join("\\\\" if character == "\\" else character if character.isascii() else _utf16_units(character) for character in value)


def _utf16_units(character: str) -> str:
    digits = character.encode("utf-16-be").hex()
    return "".join(f"\\u{digits[at : at + 4]}" for at in range(0, len(digits), 4))
