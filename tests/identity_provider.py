"""A small OpenID provider on loopback: metadata, keys, and codes for one client, which it redeems as strictly as it must."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, CLIENT_SECRET = "causeline", "s3cret of the client"
_KEY, _OTHER_KEY = (rsa.generate_private_key(65_537, 2_048) for _ in range(2))
_BASIC = base64.b64encode(b"causeline:s3cret+of+the+client").decode()


class IdentityProvider:
    """`claims` are of whoever signs in next, at `now` (s); `changes` are made to the ID token, `metadata` to what it says of itself."""

    def __init__(self, issuer: str, now: int) -> None:
        self.issuer, self.now = issuer, now
        self.claims: dict[str, Any] = {"sub": "u-1", "preferred_username": "ann", "tenant": "shop", "groups": ["sre"]}
        self.changes: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.key, self.is_basic, self.is_away = _KEY, True, False
        self.codes: dict[str, dict[str, str]] = {}

    def sign_with_another_key(self) -> None:
        self.key = _OTHER_KEY

    def visit(self, address: str) -> dict[str, str]:
        """Sign in at the address that a browser was sent to; return the query that it comes back with."""
        parts = urlsplit(address)
        fields = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (f"{parts.scheme}://{parts.netloc}{parts.path}", fields["client_id"]) == (f"{self.issuer}/authorize", CLIENT)
        assert (fields["response_type"], fields["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = fields
        return {"code": code, "state": fields["state"], "iss": self.issuer, "session_state": "x"}

    def answer(self, path: str) -> tuple[int, object]:
        """Answer a GET."""
        if self.is_away:
            return 502, {}
        if path == "/.well-known/openid-configuration":
            methods = ["client_secret_basic" if self.is_basic else "client_secret_post"]
            endpoints = {"authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token"}
            known = {
                "issuer": self.issuer,
                **endpoints,
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": methods,
            }
            return 200, known | self.metadata
        return 200, {"keys": [{**RSAAlgorithm.to_jwk(_KEY.public_key(), as_dict=True), "kid": "k", "use": "sig", "alg": "RS256"}]}

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, object]:
        """Answer with an ID token for a code that was not redeemed yet."""
        is_known = authorization == f"Basic {_BASIC}" if self.is_basic else form.get("client_secret") == CLIENT_SECRET
        fields = self.codes.pop(form.get("code", ""), None)
        if fields is None or not is_known or form["redirect_uri"] != fields["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != fields["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": self.now, "exp": self.now + 300, "nonce": fields["nonce"]}
        claims |= self.claims | self.changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": jwt.encode(kept, self.key, "RS256", headers={"kid": "k"})}


@contextmanager
def providing(now: int) -> Iterator[IdentityProvider]:
    """Run a provider on a free port for the length of a block, at `now` (s UTC)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*provider.answer(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._send(*provider.redeem(dict(parse_qsl(body)), self.headers.get("Authorization", "")))

        def _send(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = IdentityProvider(f"http://127.0.0.1:{server.server_port}", now)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
