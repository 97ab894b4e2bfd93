import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from causeline.deploy.access.jwks import Jwks, KeySet, fetch_keys

RSA = RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 2_048).public_key(), as_dict=True)
P256 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
P384 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)


@contextmanager
def published(text: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        server.server_close()


def test_keys_are_found_by_their_algorithm_and_id() -> None:
    keys = KeySet({"keys": [{**RSA, "kid": "a"}, {**P256, "kid": "b"}]})
    assert keys.find("RS256", "a") is not None
    assert keys.find("ES256", "b") is not None
    assert keys.find("RS256", "b") is None
    assert keys.find("HS256", "a") is None


def test_a_token_without_key_id_means_the_only_key_of_its_algorithm() -> None:
    assert KeySet({"keys": [RSA, P256]}).find("RS256", None) is not None
    assert KeySet({"keys": [{**RSA, "kid": "a"}, {**RSA, "kid": "b"}]}).find("RS256", None) is None


@pytest.mark.parametrize(
    "key", [P384, {**RSA, "use": "enc"}, {**RSA, "alg": "RS512"}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "OKP", "crv": "Ed25519"}]
)
def test_a_key_for_anything_else_is_not_taken(key: dict[str, object]) -> None:
    keys = KeySet({"keys": [{**key, "kid": "a"}]})
    assert [keys.find(algorithm, "a") for algorithm in ("RS256", "ES256", "HS256")] == [None, None, None]


def test_keys_are_read_from_a_file_and_from_a_url(tmp_path: Path) -> None:
    text = json.dumps({"keys": [{**RSA, "kid": "a"}]})
    (tmp_path / "jwks.json").write_text(text)
    assert fetch_keys(str(tmp_path / "jwks.json")).find("RS256", "a") is not None
    with published(text.encode()) as url:
        assert fetch_keys(url).find("RS256", "a") is not None


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"keys": [1]}', b'{"keys": [{"kty": "RSA"}]}', b'{"keys": 1}'])
def test_what_is_no_jwks_document_is_refused(text: bytes) -> None:
    with published(text) as url, pytest.raises(ValueError, match="is not a JWKS document"):
        fetch_keys(url)


BROKEN: list[object] = [
    *(1, None, "x", [], {"kty": "RSA"}, {**RSA, "n": 5}, {**RSA, "n": "!"}, {**RSA, "e": "AA"}, {**P256, "x": "AA"}, {**P256, "crv": []}),
    {**P256, "y": ""},
]


@pytest.mark.parametrize("key", BROKEN)
def test_a_broken_key_is_passed_over_and_the_others_hold(key: object) -> None:
    keys = KeySet({"keys": [key, {**RSA, "kid": "a"}, key]})
    assert keys.find("RS256", "a") is not None
    with pytest.raises(ValueError, match="key 0"):
        KeySet({"keys": [key]})


async def test_keys_that_cannot_be_read_leave_those_of_before(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    jwks = Jwks(str(file))
    assert jwks.current is None
    with pytest.raises(OSError, match=r"jwks\.json"):
        await jwks.read()
    file.write_text(json.dumps({"keys": [{**RSA, "kid": "a"}]}))
    await jwks.read()
    before = jwks.current
    file.write_text("{")
    reading = asyncio.create_task(jwks.run())
    with pytest.raises(ValueError, match="JWKS"):
        await jwks.read()
    reading.cancel()
    await asyncio.wait([reading])
    assert jwks.current is before
