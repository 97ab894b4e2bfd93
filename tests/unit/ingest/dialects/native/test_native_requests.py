import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.bodies.items import MAX_ITEMS, NDJSON
from causeline.ingest.dialects.native.http import MAX_REQUEST, routes
from causeline.schemas import telemetry
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Answer, Conflict, Invalid, Malformed, RequestError, TooLarge, Unavailable
from causeline.schemas.web.http import MAX_BODY
from tests.unit.ingest.dialects.native.native_api import FULL, MINIMAL, Native


@pytest.fixture
def native() -> Native:
    return Native()


NOT_JSON = [
    b"",
    b" ",
    b"7",
    b'"text"',
    b"null",
    b"{",
    b'{"kind":"x","title":"t"',
    b'{"kind":"x","title":"t"} x',
    b"{'kind':'x'}",
    b'{"kind":"x","title":NaN}',
    b'{"kind":"x","title":"t","v":Infinity}',
    b'{"kind":"x","title":"t","v":1e400}',
    b'{"kind":"x","title":"t","v":18446744073709551616}',
    b'{"kind":"x","title":"t","v":' + b"9" * 5_000 + b"}",
    b'{"kind":"x","title":"\\ud800"}',
    b'{"kind":"x","title":"\xff"}',
    b'{"kind":"x","title":"\xed\xa0\x80"}',
    b'{"kind":"x","title":"a\x00b"}',
    b'{"kind":"x","title":"a\\u0000b"}',
    b'{"kind":"x","title":"t","kind":"y"}',
    b'{"kind" :"x","title":"t","v":{"a":1,"a":2}}',
    b'{"kind":"x","title":"t","v":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"kind":"x","title":"t","v":' + b'{"a":' * 70 + b"1" + b"}" * 71,
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda v: repr(v[:40]))
async def test_what_is_not_strict_json_is_malformed(native: Native, body: bytes) -> None:
    with pytest.raises(Malformed):
        await native.post_bytes(body)
    assert native.stored() == []


@pytest.mark.parametrize("body", [b for b in NOT_JSON if b.strip()], ids=lambda v: repr(v[:40]))
async def test_a_line_that_is_not_strict_json_is_rejected_alone(native: Native, body: bytes) -> None:
    good = json.dumps(MINIMAL).encode()
    answer = json.loads((await native.post_bytes(good + b"\n" + body.replace(b"\n", b" ") + b"\n" + good, NDJSON)).body)
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "accepted"]
    assert len(native.stored()) == 2


@pytest.mark.parametrize("title", ['quote \\":\\" inside', "a : b", "back\\\\slash \\\\u0000", "tab\\t:", 'many \\":\\":\\":'])
async def test_text_that_looks_like_keys_is_only_text(native: Native, title: str) -> None:
    answer = await native.post_bytes(b'{"kind":"x","title":"' + title.encode() + b'"}')
    assert json.loads(answer.body)["title"] == json.loads(f'"{title}"')


async def test_a_byte_order_mark_is_skipped(native: Native) -> None:
    await native.post_bytes(b"\xef\xbb\xbf" + json.dumps(MINIMAL).encode())
    assert native.only()[1].raw == json.dumps(MINIMAL)


async def test_several_are_answered_in_the_order_sent_and_the_valid_ones_stored(native: Native) -> None:
    titles = ["first", "second", "third"]
    answer = await native.post(
        [{**MINIMAL, "title": titles[0]}, {"kind": "x"}, 7, {**MINIMAL, "title": titles[1]}, {**MINIMAL, "title": titles[2]}]
    )
    assert (answer["accepted"], answer["rejected"]) == (3, 2)
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "rejected", "accepted", "accepted"]
    accepted = [result["id"] for result in answer["results"] if "id" in result]
    by_id = {event.id: event.title for _, event in native.stored()}
    assert [by_id[event_id] for event_id in accepted] == titles


async def test_lines_may_be_blank_and_end_as_they_like(native: Native) -> None:
    line = json.dumps(MINIMAL).encode()
    answer = await native.post_bytes(b"\r\n" + line + b"\r\n\n  \n" + line, NDJSON)
    assert answer.status == 200
    assert json.loads(answer.body)["accepted"] == 2


@pytest.mark.parametrize(("body", "content_type"), [(b"[]", "application/json"), (b"", NDJSON), (b" \n", NDJSON)])
async def test_no_items_are_no_error(native: Native, body: bytes, content_type: str) -> None:
    answer = await native.post_bytes(body, content_type)
    assert (answer.status, json.loads(answer.body)) == (200, {"accepted": 0, "rejected": 0, "results": []})


async def test_refused_items_are_counted_by_reason(native: Native) -> None:
    def count(reason: str) -> float:
        return float(telemetry.EVENTS_REJECTED.labels("native", reason)._value.get())

    before = count("invalid"), count("malformed")
    await native.post([{}, {}, 7, MINIMAL])
    assert (count("invalid"), count("malformed")) == (before[0] + 2, before[1] + 1)


def sized(size: int) -> bytes:
    """A valid event of exactly so many bytes."""
    frame = len(json.dumps(MINIMAL | {"text": ""}))
    return json.dumps(MINIMAL | {"text": "x" * (size - frame)}).encode()


async def test_an_event_of_one_mib_is_stored_and_one_byte_more_is_not(native: Native) -> None:
    assert (await native.post_bytes(sized(MAX_BODY))).status == 201
    with pytest.raises(TooLarge):
        await native.post_bytes(sized(MAX_BODY + 1))
    answer = json.loads((await native.post_bytes(b"[" + sized(MAX_BODY) + b"," + sized(MAX_BODY + 1) + b"]")).body)
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected"]
    assert len(native.stored()) == 2


async def test_ten_thousand_items_are_stored_and_one_more_refuses_the_request(native: Native) -> None:
    line = json.dumps(MINIMAL).encode()
    answer = json.loads((await native.post_bytes(b"\n".join([line] * MAX_ITEMS), NDJSON)).body)
    assert answer["accepted"] == MAX_ITEMS == len({result["id"] for result in answer["results"]})
    for body, content_type in (
        (b"\n".join([line] * (MAX_ITEMS + 1)), NDJSON),
        (b"[" + b",".join([line] * (MAX_ITEMS + 1)) + b"]", "application/json"),
    ):
        with pytest.raises(TooLarge):
            await native.post_bytes(body, content_type)
    assert len(native.stored()) == MAX_ITEMS


def test_the_route_takes_16_mib_of_json_or_lines() -> None:
    route, *_ = routes(IngestService(MemoryEventLog(), MemoryCurrentEvents(), MemoryOpenProblems(), bytes))
    assert (route.max_body, MAX_REQUEST, route.media) == (16 << 20, 16 << 20, ("application/json", NDJSON))


async def test_a_retry_with_the_same_key_has_the_same_id_and_fingerprint(native: Native) -> None:
    first = await native.post(MINIMAL, key="k1")
    again = await native.post(dict(reversed(MINIMAL.items())), key="k1")
    in_body = await native.post(MINIMAL | {"idempotency_key": "k1"})
    assert first["id"] == again["id"] == in_body["id"] == ids.uuid5("default", "native", "k1")
    records = [record for record, _ in native.stored()]
    assert {record.dedup_key for record in records} == {first["id"]}
    assert len({record.fingerprint for record in records}) == 1
    assert records[0].fingerprint != 0


async def test_another_content_with_the_same_key_has_another_fingerprint(native: Native) -> None:
    await native.post(MINIMAL, key="k1")
    with pytest.raises(Conflict) as refused:
        await native.post(MINIMAL | {"title": "another"}, key="k1")
    assert refused.value.fields[0].field == "Idempotency-Key"
    (first, _), (other, _) = native.stored()
    assert (first.op, other.op) == ("create", "conflict")
    assert first.fingerprint != other.fingerprint


async def test_a_key_belongs_to_its_tenant(native: Native) -> None:
    one = await native.post(MINIMAL, key="k1")
    other = await native.post(MINIMAL, key="k1", tenant="other")
    assert one["id"] != other["id"]
    assert other["tenant"] == "other"


async def test_the_key_of_a_request_is_one_key_for_each_item(native: Native) -> None:
    items = [MINIMAL, {"kind": "x"}, MINIMAL | {"idempotency_key": "own"}]
    answer = await native.post(items, key="k")
    again = await native.post(items, key="k")
    assert answer == again
    assert [result.get("id") for result in answer["results"]] == [
        ids.uuid5("default", "native item", "k", "0"),
        None,
        ids.uuid5("default", "native", "own"),
    ]
    records = [record for record, _ in native.stored()]
    assert {record.request_key for record in records} == {ids.uuid5("default", "native", "k")}
    assert len({record.request_fingerprint for record in records}) == 1
    assert {(record.position, record.dedup_key) for record in records} == {(0, ""), (2, ids.uuid5("default", "native", "own"))}


async def test_without_a_key_every_event_is_new(native: Native) -> None:
    assert (await native.post(MINIMAL))["id"] != (await native.post(MINIMAL))["id"]


async def test_a_key_too_long_is_refused(native: Native) -> None:
    with pytest.raises(Invalid) as refused:
        await native.post(MINIMAL, key="k" * 256)
    assert refused.value.where == "HEADER"


async def test_nothing_is_answered_with_2xx_while_the_log_is_away(native: Native) -> None:
    native.log.away = True
    for body in (MINIMAL, [MINIMAL]):
        with pytest.raises(Unavailable):
            await native.post(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FULL, "idempotency_key", "correlation_id", "x"]), inner, max_size=6)
    ),
    max_leaves=20,
)


async def answered(native: Native, body: bytes, content_type: str = "application/json") -> Answer | RequestError:
    try:
        return await native.post_bytes(body, content_type)
    except RequestError as error:
        return error


@given(JSON | st.dictionaries(st.sampled_from(list(FULL)), JSON).map(lambda d: MINIMAL | d))
async def test_any_json_is_stored_or_refused_by_name(value: Any) -> None:
    native = Native()
    answer = await answered(native, json.dumps(value).encode())
    if isinstance(answer, RequestError):
        assert 400 <= answer.status < 500
        assert native.stored() == []
        return
    accepted = 1 if answer.status == 201 else json.loads(answer.body)["accepted"]
    assert len(native.stored()) == accepted
    assert all(json.loads(event.raw) for _, event in native.stored())


@given(st.binary(max_size=60), st.sampled_from(["application/json", NDJSON]))
async def test_any_bytes_are_refused_by_name(body: bytes, content_type: str) -> None:
    native = Native()
    answer = await answered(native, body, content_type)
    if isinstance(answer, RequestError):
        assert 400 <= answer.status < 500
    else:
        assert json.loads(answer.body)["accepted"] == len(native.stored())
