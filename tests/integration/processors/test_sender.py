"""The sender against real sockets: names that resolve to something else a moment later, TLS, connections that are kept and lost."""

import asyncio
import ssl
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpcore
import pytest

from causeline.processors.adapters.http.checked_network import CheckedNetwork
from causeline.processors.adapters.http.sender import HttpxSender
from causeline.processors.workers.endpoints import EndpointRefused
from causeline.processors.workers.ports import EndpointAnswer, EndpointCall, Unanswered
from causeline.schemas.subscriptions.endpoints import AllowList
from tests import patience
from tests.receiver import Receiver, Status, receiving
from tests.self_signed import self_signed


def sender(allow: str = "127.0.0.1", tls: ssl.SSLContext | None = None, timeout_s: float = patience.SECONDS) -> HttpxSender:
    return HttpxSender(AllowList.parse(allow), timeout_s=timeout_s, connections=4, agent="Causeline/test", tls=tls)


def call(url: str) -> EndpointCall:
    return EndpointCall(url=url, headers={"content-type": "application/json"}, body=b"{}")


@pytest.fixture
def endpoint() -> Iterator[Receiver]:
    with receiving() as receiver:
        receiver.answer("/", Status(200, body=b"ok"))
        yield receiver


@pytest.mark.parametrize("listed_only", [False, True])
async def test_what_is_connected_to_is_what_was_looked_at(endpoint: Receiver, listed_only: bool) -> None:  # noqa: FBT001
    """A name that resolves to a listed address when it is looked at, and would to another one a moment later."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    hosts: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        hosts.append(host)
        return next(answers)

    with ThreadPoolExecutor(1) as threads:
        network = CheckedNetwork(AllowList.parse("127.0.0.1"), threads, listed_only=listed_only, resolve=resolve)
        stream = await network.connect_tcp("rebinding.example", endpoint.port, timeout=5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", endpoint.port)
        await stream.aclose()
        assert hosts == ["rebinding.example"]
        with pytest.raises(EndpointRefused):
            await network.connect_tcp("rebinding.example", endpoint.port, timeout=5)


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "localhost", "localhost.", "0.0.0.0", "0"),
        *("169.254.169.254", "１２７.0.0.1", "127。0。0。1"),  # noqa: RUF001 - digits and dots of other scripts
    ],
)
async def test_no_writing_of_an_address_gets_around_the_check(endpoint: Receiver, host: str) -> None:
    own_sender = sender(allow="")
    answer = await own_sender.send(call(f"https://{host}:{endpoint.port}/"))
    assert isinstance(answer, Unanswered)
    assert answer.why in {"refused address", "dns", "bad url"}
    await own_sender.close()
    assert endpoint.requests() == []


async def test_the_name_stays_what_tls_verifies(tmp_path: Path) -> None:
    server_context, certificate = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with receiving(server_context) as endpoint:
        endpoint.answer("/", Status(200, body=b"hello"))
        own_sender = sender("127.0.0.1,localhost", trusting)
        assert await own_sender.send(call(endpoint.url("/", "https"))) == EndpointAnswer(status=200, body=b"hello")
        assert await own_sender.send(call(endpoint.url("/", "https", "localhost"))) == Unanswered("tls")
        await own_sender.close()


async def test_https_is_not_left_for_http(tmp_path: Path, endpoint: Receiver) -> None:
    server_context, certificate = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with receiving(server_context) as first:
        first.answer("/", Status(307, {"location": endpoint.url("/")}))
        own_sender = sender(tls=trusting)
        assert await own_sender.send(call(first.url("/", "https"))) == Unanswered("refused address", 307)
        await own_sender.close()
    assert endpoint.requests() == []


async def test_a_connection_is_kept_and_a_lost_one_replaced(endpoint: Receiver) -> None:
    own_sender = sender()
    for _ in range(3):
        assert (await own_sender.send(call(endpoint.url("/")))) == EndpointAnswer(status=200, body=b"ok")
    assert endpoint.connections == 1
    endpoint.cut()
    assert (await own_sender.send(call(endpoint.url("/")))) == EndpointAnswer(status=200, body=b"ok")
    assert endpoint.connections == 2
    await own_sender.close()


async def test_many_at_once_each_get_their_own_answer(endpoint: Receiver) -> None:
    for n in range(100):
        endpoint.answer(f"/{n}", Status(200, body=b"%d" % n))
    own_sender = sender()
    answers = await asyncio.gather(*(own_sender.send(call(endpoint.url(f"/{n}"))) for n in range(100)))
    assert [answer.body for answer in answers if isinstance(answer, EndpointAnswer)] == [b"%d" % n for n in range(100)]
    await own_sender.close()


@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 200_000],
    ids=["nothing", "half an answer", "another protocol", "endless head"],
)
async def test_whoever_does_not_speak_http_has_reset_the_connection(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    own_sender = sender()
    assert await own_sender.send(call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")) == Unanswered("reset")
    await own_sender.close()
    server.close()


async def test_a_resolver_that_does_not_answer_holds_up_only_its_own(endpoint: Receiver) -> None:
    """Names are resolved in threads; an attempt ends in time while its thread still waits."""
    released: Future[None] = Future()

    def resolve(_: str, __: int) -> list[str]:
        released.result()
        return ["127.0.0.1"]

    with ThreadPoolExecutor(1) as threads:
        network = CheckedNetwork(AllowList.parse("127.0.0.1"), threads, listed_only=False, resolve=resolve)
        hanging = asyncio.create_task(network.connect_tcp("slow.example", endpoint.port, timeout=5))
        stream = await network.connect_tcp("127.0.0.1", endpoint.port, timeout=5)
        await stream.aclose()
        assert not hanging.done()
        released.set_result(None)
        assert isinstance(await hanging, httpcore.AsyncNetworkStream)
        await (await hanging).aclose()


async def test_what_a_subscription_adds_is_for_its_own_origin(endpoint: Receiver) -> None:
    with receiving() as other:
        endpoint.answer("/", Status(307, {"location": other.url("/")}))
        endpoint.answer("/near", Status(307, {"location": "/end"}))
        own_sender = sender()
        headers = {"content-type": "application/json", "webhook-id": "msg_1", "x-token": "secret", "authorization": "Bearer secret"}
        for path in ("/", "/near"):
            answer = await own_sender.send(EndpointCall(url=endpoint.url(path), headers=headers, body=b"{}"))
            assert isinstance(answer, EndpointAnswer)
        await own_sender.close()
    (far,), (near,) = other.requests("/"), endpoint.requests("/end")
    assert (far.headers["webhook-id"], "x-token" in far.headers, "authorization" in far.headers) == ("msg_1", False, False)
    assert (near.headers["x-token"], near.headers["authorization"]) == ("secret", "Bearer secret")


@pytest.mark.parametrize("location", ["https://[::1", "http://[::1]:abc/", "http://a\u2100b/", "//["])
async def test_a_redirect_to_no_url_is_a_bad_url(endpoint: Receiver, location: str) -> None:
    endpoint.answer("/", Status(307, {"location": location}))
    own_sender = sender()
    assert await own_sender.send(call(endpoint.url("/"))) == Unanswered("bad url")
    await own_sender.close()


async def test_https_is_not_left_for_http_whatever_its_letters(tmp_path: Path, endpoint: Receiver) -> None:
    server_context, certificate = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with receiving(server_context) as first:
        first.answer("/", Status(307, {"location": endpoint.url("/")}))
        own_sender = sender(tls=trusting)
        assert await own_sender.send(call(first.url("/", "https").replace("https:", "HTTPS:"))) == Unanswered("refused address", 307)
        await own_sender.close()
    assert endpoint.requests() == []
