"""Credentials to principals: opaque tokens and JWTs, and everything that must not pass for one."""

import base64
import hashlib
import hmac
import json
import math
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from causeline.deploy.access import tokens
from causeline.deploy.access.auth import Authenticator, FieldPairs
from causeline.deploy.access.jwks import KeySet
from causeline.deploy.access.jwts import JwtRules
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.records.config import TOKENS, ConfigView, config_record
from causeline.schemas.web.errors import Unauthorized, Unavailable
from causeline.schemas.web.principal import Principal

NOW = 1_800_000_000_000
SECRET = "a-secret-of-at-least-32-bytes-for-tests"
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_RSA = rsa.generate_private_key(65_537, 2_048)
KEYS = KeySet(
    {
        "keys": [
            {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "r1", "use": "sig", "alg": "RS256"},
            {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "e1"},
            {"kty": "oct", "kid": "s1", "k": base64.urlsafe_b64encode(SECRET.encode()).decode()},
            {**RSAAlgorithm.to_jwk(OTHER_RSA.public_key(), as_dict=True), "kid": "enc", "use": "enc"},
        ]
    }
)
RULES = JwtRules(SECRET, lambda: KEYS, "https://issuer.example", "causeline")
CLAIMS = {
    "tenant": "shop",
    "scope": "ingest read",
    "groups": ["sre"],
    "exp": NOW // 1000 + 60,
    "iss": "https://issuer.example",
    "aud": "causeline",
    "sub": "ci",
}
WHO = Principal("shop", frozenset({"ingest", "read"}), ("sre",), "ci")


def authenticator(view: ConfigView | None = None, rules: JwtRules = RULES, *, ready: bool = True) -> Authenticator:
    return Authenticator(view or ConfigView(), lambda: ready, rules)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def signed(key: Any = SECRET, algorithm: str = "HS256", *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    body = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers=headers)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], key: bytes, claims: dict[str, Any] | None = None) -> str:
    """Make what a library refuses to make: any header over an HMAC with any key."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims or CLAIMS).encode())}"
    return f"{text}.{b64(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


def issued(view: ConfigView, expires: int | None = None, **fields: Any) -> str:
    secret = tokens.token_text(hashlib.sha256(str(fields).encode()).digest())
    token_fields = {"tenant": "shop", "scopes": ["read", "ingest"], "groups": ["sre"], "name": "ci", **fields}
    token = tokens.token_of(secret, created=NOW - 1, expires=expires, **token_fields)
    view.apply(config_record(TOKENS, token.sha256, tokens.token_value(token), NOW))
    return secret


def test_a_token_tells_who_its_bearer_is() -> None:
    view = ConfigView()
    secret = issued(view)
    assert authenticator(view).authenticate(bearer(secret), tuple, NOW) == WHO


def test_only_a_hash_of_a_token_is_kept() -> None:
    view = ConfigView()
    secret = issued(view)
    content = json.dumps(dict(view.all(TOKENS)))
    assert secret not in content
    assert secret.removeprefix("clt_") not in content
    assert hashlib.sha256(secret.encode()).hexdigest() in content


def test_a_token_ends_at_its_time_and_when_it_is_revoked() -> None:
    view = ConfigView()
    secret = issued(view, expires=NOW + 1)
    auth = authenticator(view)
    assert auth.authenticate(bearer(secret), tuple, NOW) == WHO
    with pytest.raises(Unauthorized):
        auth.authenticate(bearer(secret), tuple, NOW + 1)
    lasting = issued(view, name="ci2")
    assert auth.authenticate(bearer(lasting), tuple, NOW).name == "ci2"
    view.apply(config_record(TOKENS, tokens.token_digest(lasting), None, NOW))
    with pytest.raises(Unauthorized):
        auth.authenticate(bearer(lasting), tuple, NOW)


def test_a_token_cannot_be_judged_before_the_configuration_was_read() -> None:
    with pytest.raises(Unavailable):
        authenticator(ready=False).authenticate(bearer("unknown"), tuple, NOW)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_a_scheme_has_no_letter_case(scheme: str) -> None:
    view = ConfigView()
    secret = issued(view)
    assert authenticator(view).authenticate({"authorization": f"{scheme} {secret}"}, tuple, NOW) == WHO


@pytest.mark.parametrize("name", ["api-token", "Api-Token", "API-TOKEN"])
def test_desk_takes_its_scheme_and_its_parameter_in_any_letter_case(name: str) -> None:
    view = ConfigView()
    secret = issued(view)
    auth = authenticator(view)
    assert auth.authenticate({"authorization": f"{name} {secret}"}, tuple, NOW, DESK) == WHO
    assert auth.authenticate({}, lambda: [("from", "1"), (name, secret)], NOW, DESK) == WHO


def test_the_header_wins_over_the_parameter() -> None:
    view = ConfigView()
    secret = issued(view)
    query: FieldPairs = [("api-token", secret)]
    for header in (f"Api-Token {secret}x", "Basic x", "", f"Bearer {secret}"):
        with pytest.raises(Unauthorized) as refused:
            authenticator(view).authenticate({"authorization": header}, lambda: query, NOW, DESK)
        assert refused.value.headers == {"WWW-Authenticate": "Api-Token"}


def test_the_parameter_is_not_read_where_it_is_not_documented() -> None:
    view = ConfigView()
    secret = issued(view)
    with pytest.raises(Unauthorized) as refused:
        authenticator(view).authenticate({}, lambda: [("api-token", secret)], NOW)
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "x", "Bearer \ud800", "Bearer " + "x" * 9_000, "Bearer a b"]
)
def test_what_is_no_token_is_refused(header: str) -> None:
    with pytest.raises(Unauthorized):
        authenticator().authenticate({"authorization": header}, tuple, NOW)


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        signed(RSA_KEY, "RS256", headers={"kid": "r1"}),
        signed(RSA_KEY, "RS256"),
        signed(EC_KEY, "ES256", headers={"kid": "e1"}),
        signed(scope=["ingest", "read", "unknown"]),
        signed(aud=["other", "causeline"]),
        signed(nbf=NOW // 1000 + 59),
        signed(exp=NOW / 1000 + 0.5),
    ],
)
def test_a_jwt_of_a_known_key_tells_who_its_bearer_is(token: str) -> None:
    assert authenticator().authenticate(bearer(token), tuple, NOW) == WHO


@pytest.mark.parametrize("claim", ["exp", "nbf"])
@pytest.mark.parametrize("value", [10**400, -(10**400), 1e308, NOW, 253_402_300_801, True, "1", None, [], {}])
def test_a_time_beyond_all_calendars_is_not_a_time(claim: str, value: Any) -> None:
    token = by_hand({"alg": "HS256"}, SECRET.encode(), {**CLAIMS, claim: value})
    with pytest.raises(Unauthorized):
        authenticator().authenticate(bearer(token), tuple, NOW)


PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_DER = RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ATTACKS = {
    "none": by_hand({"alg": "none", "typ": "JWT"}, b"").rsplit(".", 1)[0] + ".",
    "None in another case": by_hand({"alg": "nOnE"}, b"").rsplit(".", 1)[0] + ".",
    "none with a signature": by_hand({"alg": "none"}, SECRET.encode()),
    "no algorithm": by_hand({"typ": "JWT"}, SECRET.encode()),
    "an algorithm that is no text": by_hand({"alg": ["HS256"]}, SECRET.encode()),
    "HS256 with the public key (PEM)": by_hand({"alg": "HS256", "kid": "r1"}, PUBLIC_PEM),
    "HS256 with the public key (DER)": by_hand({"alg": "HS256", "kid": "r1"}, PUBLIC_DER),
    "HS256 with the modulus": by_hand({"alg": "HS256", "kid": "r1"}, str(RSA_KEY.public_key().public_numbers().n).encode()),
    "HS256 with an empty secret": by_hand({"alg": "HS256"}, b""),
    "RS256 over an HMAC": by_hand({"alg": "RS256", "kid": "r1"}, PUBLIC_PEM),
    "HS384": signed(SECRET + "x" * 32, "HS384"),
    "HS384 with the secret, by hand": by_hand({"alg": "HS384"}, SECRET.encode()),
    "RS512": signed(RSA_KEY, "RS512", headers={"kid": "r1"}),
    "PS256": signed(RSA_KEY, "PS256", headers={"kid": "r1"}),
    "another key under a known id": signed(OTHER_RSA, "RS256", headers={"kid": "r1"}),
    "a key for encryption": signed(OTHER_RSA, "RS256", headers={"kid": "enc"}),
    "an unknown key id": signed(RSA_KEY, "RS256", headers={"kid": "r2"}),
    "a key of another type": signed(RSA_KEY, "RS256", headers={"kid": "e1"}),
    "a symmetric key of the JWKS": by_hand({"alg": "HS384", "kid": "s1"}, SECRET.encode()),
    "a key in the header": by_hand({"alg": "RS256", "jwk": RSAAlgorithm.to_jwk(OTHER_RSA.public_key(), as_dict=True)}, b"x"),
    "a critical extension": by_hand({"alg": "HS256", "crit": ["exp"]}, SECRET.encode()),
    "an unencoded payload": by_hand({"alg": "HS256", "b64": False}, SECRET.encode()),
    "another secret": signed("another-secret-of-at-least-32-bytes!!"),
    "expired": signed(exp=NOW // 1000 - 1),
    "expires this very moment": signed(exp=NOW // 1000),
    "no expiry": signed(exp=None),
    "an expiry that is a text": by_hand({"alg": "HS256"}, SECRET.encode(), {**CLAIMS, "exp": str(NOW)}),
    "an expiry that is true": by_hand({"alg": "HS256"}, SECRET.encode(), {**CLAIMS, "exp": True}),
    "an expiry that never comes": by_hand({"alg": "HS256"}, SECRET.encode(), {**CLAIMS, "exp": math.inf}),
    "an expiry that is no number": by_hand({"alg": "HS256"}, SECRET.encode(), {**CLAIMS, "exp": math.nan}),
    "not valid yet": signed(nbf=NOW // 1000 + 61),
    "wrong issuer": signed(iss="https://issuer.example.evil"),
    "no issuer": signed(iss=None),
    "wrong audience": signed(aud="other"),
    "no audience": signed(aud=None),
    "no tenant": signed(tenant=None),
    "an empty tenant": signed(tenant=""),
    "a tenant that is no name": signed(tenant="shop/../other"),
    "a tenant that is no text": signed(tenant=["shop"]),
    "scopes that are no texts": signed(scope=[1]),
    "a scope that is a number": signed(scope=7),
    "groups that are one text": signed(groups="sre"),
    "no claims": by_hand({"alg": "HS256"}, SECRET.encode()).split(".")[0] + "..",
    "claims that are a list": jwt.PyJWS().encode(b"[]", SECRET, "HS256"),
    "claims too deep": jwt.PyJWS().encode(b"[" * 100_000, SECRET, "HS256")[:8_000],
    "not base64": "eyJ.***.x",
    "nothing between dots": "..",
    "four parts": signed() + ".x",
    "changed claims": ".".join((signed().split(".")[0], signed(tenant="other").split(".")[1], signed().split(".")[2])),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_jwt_that_must_not_pass_does_not(attack: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        authenticator().authenticate(bearer(ATTACKS[attack]), tuple, NOW)
    assert ATTACKS[attack] not in str(refused.value)


def test_without_a_secret_hs256_is_refused_and_without_keys_the_others() -> None:
    for rules, token in (
        (JwtRules(keys=lambda: KEYS), signed()),
        (JwtRules(keys=lambda: KEYS), by_hand({"alg": "HS256"}, b"")),
        (JwtRules(SECRET), signed(RSA_KEY, "RS256", headers={"kid": "r1"})),
        (JwtRules(), signed()),
    ):
        with pytest.raises(Unauthorized):
            authenticator(rules=rules).authenticate(bearer(token), tuple, NOW)


def test_issuer_and_audience_are_checked_only_where_they_are_set() -> None:
    token = signed(iss=None, aud="anything")
    assert authenticator(rules=JwtRules(SECRET)).authenticate(bearer(token), tuple, NOW) == WHO


def test_keys_that_were_not_read_yet_refuse_nothing_for_good() -> None:
    token = signed(RSA_KEY, "RS256", headers={"kid": "r1"})
    with pytest.raises(Unavailable):
        authenticator(rules=JwtRules(keys=lambda: None)).authenticate(bearer(token), tuple, NOW)


@pytest.mark.parametrize(
    ("scopes", "may", "groups"),
    [
        ({"read"}, {"read", "public"}, ("sre",)),
        ({"ingest"}, {"ingest", "public"}, ("sre",)),
        ({"admin"}, {"admin", "ingest", "read", "public"}, None),
        (set(), {"public"}, ("sre",)),
    ],
)
def test_a_scope_opens_its_calls_and_admin_all(scopes: set[str], may: set[str], groups: tuple[str, ...] | None) -> None:
    caller = Principal("shop", frozenset(scopes), ("sre",))
    assert {scope for scope in ("ingest", "read", "admin", "public") if caller.may(scope)} == may
    assert caller.visible_groups == groups
