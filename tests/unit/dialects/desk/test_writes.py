import pytest

from causeline.ingest.dialects.desk.body import DeskRules
from tests.desk_memory import PATH, MemoryDesk
from tests.desk_samples import DOCUMENT_BODY, HOST, MINUTE, NOW, minimal


async def test_the_body_of_the_document_is_stored() -> None:
    desk = MemoryDesk()
    reply = await desk.post(DOCUMENT_BODY, authorization="Api-token abcdefjhij1234567890")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    (low,) = reply.body["storedEventIds"]
    assert reply.body == {"storedEventIds": [low], "storedIds": [f"{low}_{NOW}"], "storedCorrelationIds": []}
    (record,) = desk.log.records()
    assert b"abcdefjhij1234567890" not in record.event


@pytest.mark.parametrize(
    ("path", "host", "tenant"),
    [
        (PATH, "127.0.0.1:8080", "default"),
        (f"{PATH}/", "127.0.0.1:8080", "default"),
        (PATH, "mySampleEnv.live.dexp.ae", "mysampleenv"),
        ("/e/env1/api/v1/events", "127.0.0.1", "env1"),
        ("/e/env1/api/v1/events/", "mySampleEnv.live.dexp.ae", "env1"),
    ],
)
async def test_the_environment_comes_from_the_path_or_the_host(path: str, host: str, tenant: str) -> None:
    desk = MemoryDesk()
    assert (await desk.post(DOCUMENT_BODY, path, host=host)).status == 200
    assert [record.tenant for record in desk.log.records()] == [tenant]


async def test_a_path_that_names_no_environment_is_not_found() -> None:
    reply = await MemoryDesk().post(DOCUMENT_BODY, f"/e/{'x' * 129}/api/v1/events")
    assert (reply.status, reply.body["error"]["code"]) == (404, 404)


@pytest.mark.parametrize("authorization", ["Api-token x", "Api-Token x", "API-TOKEN  x", "Bearer x", "", "nonsense"])
async def test_credentials_are_not_looked_at_while_nobody_is_authenticated(authorization: str) -> None:
    desk = MemoryDesk()
    assert (await desk.post(DOCUMENT_BODY, authorization=authorization)).status == 200
    assert (await desk.request("GET", PATH, query="Api-Token=x")).status == 200


async def test_an_error_stores_nothing_and_comes_in_the_envelope() -> None:
    desk = MemoryDesk()
    reply = await desk.post(minimal("CUSTOM_INFO", description=None, attachRules={"entityIds": ["A", "B"]}))
    assert (reply.status, reply.body) == (
        400,
        {
            "error": {
                "code": 400,
                "message": "The property 'description' must not be null or empty.",
                "constraintViolations": [
                    {
                        "path": "description",
                        "message": "must not be null or empty",
                        "parameterLocation": "PAYLOAD_BODY",
                        "location": None,
                    }
                ],
            }
        },
    )
    assert desk.log.records() == []


async def test_while_the_log_is_away_nothing_is_stored_and_the_client_may_repeat() -> None:
    desk = MemoryDesk()
    desk.log.away = True
    reply = await desk.post(DOCUMENT_BODY)
    assert (reply.status, reply.body["error"]["code"]) == (503, 503)
    assert int(reply.headers["Retry-After"]) > 0
    desk.log.away = False
    assert await desk.entries() == []


async def test_the_settings_reach_the_rules() -> None:
    desk = MemoryDesk(DeskRules(entities=frozenset({"HOST-1"}), custom_alert=True))
    alert = minimal("ERROR_EVENT", eventType="CUSTOM_ALERT", attachRules={"entityIds": ["HOST-1", "HOST-2"]})
    reply = await desk.post(alert)
    assert len(reply.body["storedCorrelationIds"]) == 1
    assert (await desk.post(minimal("CUSTOM_INFO"))).status == 400


async def test_an_idempotency_key_makes_a_retry_the_same_event() -> None:
    desk = MemoryDesk()
    first = await desk.post(minimal("CUSTOM_INFO"), idempotency_key="k")
    desk.now += 5_000
    retry = await desk.post(minimal("CUSTOM_INFO"), idempotency_key="k")
    assert first.body["storedEventIds"] == retry.body["storedEventIds"]
    assert [entry["id"] for entry in await desk.entries()] == first.body["storedIds"]
    for reference in (*first.body["storedIds"], *retry.body["storedIds"], *first.body["storedEventIds"]):
        reply = await desk.get(f"{PATH}/{reference}")
        assert (reply.status, reply.body["startTime"]) == (200, NOW)


async def test_a_key_of_256_characters_is_refused() -> None:
    reply = await MemoryDesk().post(DOCUMENT_BODY, idempotency_key="k" * 256)
    assert (reply.status, "Idempotency-Key" in reply.body["error"]["message"]) == (400, True)


async def test_a_keyed_repeat_of_a_problem_does_not_refresh_it() -> None:
    desk = MemoryDesk()
    await desk.post(minimal("ERROR_EVENT"), idempotency_key="k")
    await desk.reach()
    desk.now += 10 * MINUTE
    await desk.post(minimal("ERROR_EVENT"), idempotency_key="k")
    desk.now += 5 * MINUTE
    (entry,) = await desk.entries()
    assert (entry["eventStatus"], entry["endTime"]) == ("CLOSED", NOW + 15 * MINUTE)


class TestRefreshesOlderThanAnHour:
    async def refreshed_for_an_hour(self, attach: object) -> tuple[MemoryDesk, dict[str, object]]:
        desk = MemoryDesk()
        payload = minimal("ERROR_EVENT", start=NOW, attachRules=attach)
        for _ in range(8):
            assert (await desk.post(payload)).status == 200
            await desk.reach()
            desk.now += 10 * MINUTE
        return desk, payload

    async def test_the_literal_repeat_is_taken_while_the_problem_is_open(self) -> None:
        desk, payload = await self.refreshed_for_an_hour(HOST)
        reply = await desk.post(payload)
        assert (reply.status, len(reply.body["storedCorrelationIds"])) == (200, 1)

    async def test_a_cold_one_is_refused(self) -> None:
        desk = MemoryDesk()
        reply = await desk.post(minimal("ERROR_EVENT", start=NOW - 61 * MINUTE))
        assert (reply.status, reply.body["error"]["message"]) == (400, "Constraints violated.")
        assert reply.body["error"]["constraintViolations"][0]["path"] == "start"

    async def test_it_is_refused_after_the_problem_timed_out(self) -> None:
        desk, payload = await self.refreshed_for_an_hour(HOST)
        desk.now += 5 * MINUTE
        assert (await desk.post(payload)).status == 400

    async def test_it_is_refused_with_another_start(self) -> None:
        desk, payload = await self.refreshed_for_an_hour(HOST)
        assert (await desk.post({**payload, "start": NOW + 1})).status == 400

    async def test_it_is_refused_in_another_environment(self) -> None:
        desk, payload = await self.refreshed_for_an_hour(HOST)
        assert (await desk.post(payload, "/e/other/api/v1/events")).status == 400

    async def test_it_is_refused_where_one_of_its_entities_has_no_open_problem(self) -> None:
        desk, payload = await self.refreshed_for_an_hour({"entityIds": ["A", "B"]})
        assert (await desk.post(payload)).status == 200
        before = len(desk.log.records())
        assert (await desk.post({**payload, "attachRules": {"entityIds": ["A", "B", "C"]}})).status == 400
        assert len(desk.log.records()) == before
