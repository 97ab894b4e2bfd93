"""Two servers on one ClickHouse of two replicas over HTTP, one of them behind: who writes through one server reads through the other."""

from collections.abc import Iterator

import httpx
import pytest

from tests import patience
from tests.fleet import Fleet, fleet_running

TRACKER = "/api/v1alpha1/event"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One fleet for these tests: a second server needs a ClickHouse that is a server."""
    with fleet_running(tmp_path_factory.mktemp("servers"), processors=1, replica=True) as own_fleet:
        yield own_fleet


@pytest.fixture
def servers(fleet: Fleet) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    first, second = (httpx.Client(base_url=url, timeout=30) for url in fleet.urls)
    fleet.clickhouse.hold()
    with first, second:
        yield first, second
    fleet.clickhouse.release()


def made(http: httpx.Client, title: str) -> str:
    created = http.post(TRACKER, json={"title": title, "attributes": {"type": 1}})
    assert created.status_code == 200
    event_id: str = created.json()["id"]
    return event_id


@pytest.mark.timeout(180)
def test_a_read_by_id_through_another_server_does_not_meet_a_replica_that_lacks_the_event(
    servers: tuple[httpx.Client, httpx.Client],
) -> None:
    first, second = servers
    event_id = made(first, "seen by both")
    for _ in range(4):  # each replica's turn, twice
        answer = second.get(f"{TRACKER}/{event_id}")
        assert (answer.status_code, answer.json()["title"]) == (200, "seen by both")


@pytest.mark.timeout(180)
def test_changes_through_both_servers_meet_on_the_newest_version(servers: tuple[httpx.Client, httpx.Client]) -> None:
    first, second = servers
    event_id = made(first, "as made")
    for number, http in enumerate((first, second, first, second)):
        assert http.put(TRACKER, json={"id": event_id, "attributes": {"type": 1, "message": f"change {number}"}}).status_code == 200
    assert second.put(TRACKER, json={"id": event_id, "title": "as left"}).status_code == 200
    event = second.get(f"/v1/events/{event_id}").json()
    assert (event["version"], event["title"], event["text"]) == (6, "as left", "change 3")
    assert first.delete(f"{TRACKER}/{event_id}").status_code == 200
    assert first.get(f"{TRACKER}/{event_id}").status_code == 404
    assert second.put(TRACKER, json={"id": event_id, "title": "too late"}).status_code in {200, 404}
    patience.asked(lambda: second.get(f"{TRACKER}/{event_id}").status_code == 404)


@pytest.mark.timeout(180)
def test_lists_through_another_server_show_it_once_the_replica_has_it(fleet: Fleet, servers: tuple[httpx.Client, httpx.Client]) -> None:
    first, second = servers
    event_id = made(first, "listed later")
    assert second.get(f"{TRACKER}/{event_id}").status_code == 200
    assert event_id not in [event["id"] for event in second.get("/v1/events").json()["events"]]
    fleet.clickhouse.release()
    assert event_id in [event["id"] for event in second.get("/v1/events").json()["events"]]
