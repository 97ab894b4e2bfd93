"""The cookie of a session: whom it shows, and everything that must not pass for one. Where sessions are kept, and which one makes room."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.deploy.access import tokens
from causeline.deploy.access.sessions import (
    PLACES,
    Grant,
    Session,
    SessionRules,
    Visitor,
    choose_place,
    cookie_text,
    find_visitor,
    list_sessions,
    live_principals,
    make_session,
    session_value,
)
from causeline.schemas.records.config import SESSIONS, TOKENS, ConfigView, config_record
from causeline.schemas.web.principal import Principal

NOW = 1_800_000_000_000
RULES = SessionRules(idle_ms=3_600_000, length_ms=86_400_000, most=3)
SECRET = tokens.token_text(bytes(32))
KEY = b"k" * 32


class Kept:
    """A view with a token and a session that it began; more of both on demand."""

    def __init__(self) -> None:
        self.view = ConfigView()
        self.token = self.issue("shop")
        self.grant = Grant(tenant="shop", token=self.token.sha256, name="ann")
        self.session = self.keep("7", make_session(SECRET, KEY, self.token.sha256, [self.grant], NOW, RULES))
        self.cookie = cookie_text(self.session, "7", SECRET, NOW, "shop")

    def issue(self, tenant: str, expires: int | None = None) -> tokens.Token:
        fields: dict[str, Any] = {"tenant": tenant, "scopes": ["read"], "groups": ["sre"], "name": "ann", "expires": expires}
        token = tokens.token_of(tokens.token_text(hashlib.sha256(tenant.encode()).digest()), created=NOW, **fields)
        self.view.apply(config_record(TOKENS, token.sha256, tokens.token_value(token), NOW))
        return token

    def keep(self, place: str, session: Session | None) -> Session:
        self.view.apply(config_record(SESSIONS, place, None if session is None else session_value(session), NOW))
        return session or self.session

    def find(self, cookie: str | None = None, now: int = NOW) -> Visitor | None:
        return find_visitor(self.view, self.cookie if cookie is None else cookie, now, RULES)


def test_a_cookie_shows_whom_the_token_speaks_for() -> None:
    visitor = Kept().find()
    assert visitor is not None
    assert visitor.principal == Principal("shop", frozenset({"read"}), ("sre",), "ann")


def test_who_reads_the_log_cannot_make_a_cookie() -> None:
    kept = Kept()
    assert SECRET not in json.dumps(dict(kept.view.all(SESSIONS)))
    for secret in (kept.session.sha256[:47], f"clt_{kept.session.key[:43]}", tokens.token_text(b"x" * 32)):
        assert kept.find(cookie_text(kept.session, "7", secret, NOW, "shop")) is None


def forge(kept: Kept, **parts: str) -> str:
    names = ("place", "secret", "second", "tenant", "signature")
    return ":".join((dict(zip(names, kept.cookie.split(":"), strict=True)) | parts).values())


@pytest.mark.parametrize(
    "parts",
    [
        {"place": "8"},
        {"place": "07"},
        {"secret": tokens.token_text(b"x" * 32)},
        {"second": str(NOW // 1_000 + 60)},  # younger than it is
        {"second": str(NOW // 1_000 - 1)},
        {"tenant": "other"},
        {"signature": "0" * 32},
        {"signature": ""},
        {"signature": "é" * 32},
    ],
)
def test_a_cookie_that_was_changed_shows_nobody(parts: dict[str, str]) -> None:
    kept = Kept()
    assert kept.find(forge(kept, **parts)) is None


@given(at=st.integers(0, 200), letter=st.characters())
def test_no_letter_of_a_cookie_may_be_another_one(at: int, letter: str) -> None:
    kept = Kept()
    cookie = kept.cookie[: at % len(kept.cookie)] + letter + kept.cookie[at % len(kept.cookie) + 1 :]
    assert (kept.find(cookie) is not None) == (cookie == kept.cookie)


@given(text=st.text(max_size=300))
def test_no_text_is_a_cookie_by_chance(text: str) -> None:
    assert Kept().find(text) is None


def test_the_key_of_another_session_signs_nothing_here() -> None:
    kept = Kept()
    other = kept.keep("8", make_session(tokens.token_text(b"y" * 32), b"o" * 32, "x", [kept.grant], NOW, RULES))
    foreign = cookie_text(msgspec.structs.replace(other, sha256=kept.session.sha256), "7", SECRET, NOW, "shop")
    assert kept.find(foreign) is None


def test_a_session_ends_when_nobody_comes_and_lasts_while_somebody_does() -> None:
    kept = Kept()
    assert kept.find(now=NOW + RULES.idle_ms - 1) is not None
    assert kept.find(now=NOW + RULES.idle_ms) is None
    visitor = kept.find(now=NOW + RULES.idle_ms - 1)
    assert visitor is not None
    later = visitor.cookie(NOW + RULES.idle_ms - 1)
    assert kept.find(later, NOW + RULES.idle_ms) is not None


def test_a_session_ends_at_its_time_whoever_comes() -> None:
    kept = Kept()
    end = NOW + RULES.length_ms
    fresh = cookie_text(kept.session, "7", SECRET, end, "shop")
    assert kept.find(fresh, end - 1) is not None
    assert kept.find(fresh, end) is None


def test_a_cookie_is_made_anew_once_a_minute() -> None:
    visitor = Kept().find()
    assert visitor is not None
    assert [visitor.is_due(NOW + ms) for ms in (0, 59_999, 60_000)] == [False, False, True]


def test_a_session_ends_where_it_is_revoked_or_its_place_is_anothers() -> None:
    kept = Kept()
    kept.keep("7", make_session(tokens.token_text(b"y" * 32), KEY, "x", [kept.grant], NOW, RULES))
    assert kept.find() is None
    kept.keep("7", None)
    assert kept.find() is None


def test_a_session_ends_with_the_token_that_began_it() -> None:
    kept = Kept()
    kept.view.apply(config_record(TOKENS, kept.token.sha256, None, NOW))
    assert kept.find() is None
    assert list_sessions(kept.view, NOW) == []
    kept = Kept()
    kept.issue("shop", expires=NOW + 10)
    assert kept.find(now=NOW + 9) is not None
    assert kept.find(now=NOW + 10) is None


def test_a_tenant_that_was_added_ends_alone_and_the_first_one_ends_all() -> None:
    kept = Kept()
    other = kept.issue("other")
    grants = [kept.grant, Grant(tenant="other", token=other.sha256), Grant(tenant="third", scopes=["read"], expires=NOW + 5)]
    session = kept.keep("7", make_session(SECRET, KEY, "x", grants, NOW, RULES))
    cookies = {tenant: cookie_text(session, "7", SECRET, NOW, tenant) for tenant in ("shop", "other", "third", "fourth")}

    def visible(now: int = NOW) -> list[str]:
        return [tenant for tenant, cookie in cookies.items() if kept.find(cookie, now) is not None]

    assert visible() == ["shop", "other", "third"]
    assert visible(NOW + 5) == ["shop", "other"]
    kept.view.apply(config_record(TOKENS, other.sha256, None, NOW))
    assert visible() == ["shop", "third"]
    assert [principal.tenant for principal in live_principals(kept.view, session, NOW)] == ["shop", "third"]
    kept.view.apply(config_record(TOKENS, kept.token.sha256, None, NOW))
    assert visible() == []


def test_a_tenants_oldest_session_makes_room_and_another_tenants_does_not() -> None:
    kept = Kept()
    for number in (8, 9):
        kept.keep(str(number), make_session(tokens.token_text(bytes([number]) * 32), KEY, "x", [kept.grant], NOW + number, RULES))
    assert choose_place(kept.view, [kept.grant], 20, NOW + 20, RULES) == "7"
    assert choose_place(kept.view, [Grant(tenant="other")], 20, NOW + 20, RULES) == "20"


def test_a_new_session_takes_the_next_place_that_nobody_has() -> None:
    kept = Kept()
    assert choose_place(kept.view, [Grant(tenant="other")], 7, NOW, RULES) == "8"
    assert choose_place(kept.view, [Grant(tenant="other")], 7, NOW + RULES.length_ms, RULES) == "7"
    assert choose_place(kept.view, [Grant(tenant="other")], PLACES - 1, NOW, RULES) == str(PLACES - 1)
