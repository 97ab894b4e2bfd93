"""What lies on a real broker of subscriptions: the rule on every partition, and no secret in any byte."""

import json
import uuid
from typing import Any

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.adapters.kafka.log import KafkaEventLog
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryOpenProblems
from causeline.ingest.adapters.random import RandomBlocks
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.escapekit import http
from causeline.ingest.subscriptions import http as http_subscriptions
from causeline.schemas.web.http import HttpRequest, HttpRoute
from tests.contract.event_logs import kafka_subject
from tests.contract.test_config_log_laws import PARTITIONS, make_topic
from tests.desk_samples import NOW
from tests.kafka_topics import read_committed
from tests.subscribing import rule_of, subscribing

SECRETS = ("t0ps3cret", "s3cr3t-h3ader", "xoxb-1234567890-abc", "B0SECRETPATH")
TARGETS: list[dict[str, Any]] = [
    {"type": "webhook", "url": f"https://hooks.example/in?token={SECRETS[0]}", "headers": {"Authorization": SECRETS[1]}},
    {"type": "slack", "slack_token": SECRETS[2], "slack_channel": "#ops"},
    {"type": "slack", "url": f"https://hooks.slack.com/services/{SECRETS[3]}"},
]


async def ask(route: HttpRoute, body: object, **params: str) -> Any:
    answer = await route.handler(HttpRequest(route.method, route.path, params, "", {}, json.dumps(body).encode(), "t", NOW))
    assert answer.status in (200, 201), answer.body
    return json.loads(answer.body)


async def test_no_secret_lies_on_the_broker_in_the_clear(broker: EmbeddedBroker) -> None:
    topic = f"t{uuid.uuid4().hex[:12]}"
    await make_topic(broker.bootstrap, f"{topic}.config")
    config = KafkaConfigLog(broker.bootstrap, PARTITIONS, lambda: NOW, topic=f"{topic}.config")
    await config.start()
    async with kafka_subject(broker, f"{topic}.ingest") as ingest:
        parts = subscribing(service_of(ingest.kafka), config)
        create, _, _, patch, *_, rotate = http_subscriptions.routes(parts, RandomBlocks())
        put_route = http.routes(parts.service, parts)[-1]
        subscriptions = [await ask(create, {"name": "n", "target": target}) for target in TARGETS]
        for one in subscriptions:
            await ask(patch, {"state": "paused"}, id=one["id"])
        rotated = await ask(rotate, {}, id=subscriptions[0]["id"])
        signing = [one["target"]["secret"] for one in (subscriptions[0], rotated)]
        await ask(put_route, [{"type": "slack", "url": TARGETS[2]["url"]}, {"type": "webhook", "url": TARGETS[0]["url"]}], project="shop")
        lines = [await read_committed(broker.bootstrap, f"{topic}.ingest", partition) for partition in range(4)]
    config_records = [await read_committed(broker.bootstrap, f"{topic}.config", partition) for partition in range(PARTITIONS)]
    await config.stop()
    rules_by_partition = [[rule_of(value) for _, value in line if value is not None] for line in lines]
    assert [len(rules) for rules in rules_by_partition] == [9] * 4
    assert all(rules == rules_by_partition[0] for rules in rules_by_partition)
    text = b"".join(key + (value or b"") for line in [*lines, *config_records] for key, value in line)
    assert subscriptions[0]["id"].encode() in text
    for secret in (*SECRETS, *signing):
        assert secret.encode() not in text


def service_of(log: KafkaEventLog) -> IngestService:
    return IngestService(log, MemoryCurrentEvents(), MemoryOpenProblems(), RandomBlocks())
