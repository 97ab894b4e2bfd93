"""The fold of services out of the configuration: per tenant, from the beginning or later, and past what cannot be read."""

import msgspec
import pytest

from causeline.schemas.records.config import SERVICES, TOKENS, ConfigView, Value, config_record
from causeline.schemas.records.key_uses import KeyUse
from causeline.schemas.topology.service import Service, ServiceRecord, service_key, service_record
from causeline.schemas.topology.view import ServiceView


def put(view: ConfigView, tenant: str, name: str, value: Value | None) -> None:
    view.apply(config_record(SERVICES, service_key(tenant, name), value, 0))


def of(name: str, *callees: str) -> Value | None:
    return ServiceRecord(service=Service(name=name, depends_on=callees)).value


def test_a_view_made_later_shows_the_same_as_one_that_followed() -> None:
    config = ConfigView()
    early = ServiceView(config)
    for step in (("t", "a/b", of("a/b", "c")), ("t", "c", of("c")), ("u", "a", of("a")), ("t", "c", None)):
        put(config, *step)
    config.apply(config_record(TOKENS, "t/x", {"service": 7}, 0))
    for view in (early, ServiceView(config)):
        assert list(view.topology("t").services) == ["a/b"]
        assert view.topology("t").callees("a/b") == {"c": 1}
        assert (view.service("u", "a"), view.service("u", "a/b"), view.service("nobody", "a")) == (Service(name="a"), None, None)
        assert view.of("t").total_bytes == sum(view.of("t").sizes.values()) > 0


def test_a_topology_is_made_once_a_change() -> None:
    config = ConfigView()
    view = ServiceView(config)
    put(config, "t", "a", of("a"))
    first = view.topology("t")
    put(config, "u", "a", of("a"))
    assert view.topology("t") is first
    put(config, "t", "b", of("b"))
    assert list(view.topology("t").services) == ["a", "b"]


def test_a_record_that_cannot_be_read_takes_the_service_away_and_no_other_one() -> None:
    config = ConfigView()
    view = ServiceView(config)
    put(config, "t", "a", of("a"))
    put(config, "t", "b", of("b"))
    with pytest.raises(msgspec.ValidationError):
        put(config, "t", "a", {"service": {"name": 7}})
    assert list(view.topology("t").services) == ["b"]


def test_a_record_is_stored_and_read_whole_and_nothing_where_nothing_is_to_be_remembered() -> None:
    record = ServiceRecord(service=Service(name="a", paths=("x/**",), tier=1, updated_at=5), uses={"7": KeyUse(8, 9)})
    assert record.value is not None
    assert service_record(msgspec.json.decode(msgspec.json.encode(record.value))) == record
    assert ServiceRecord().value is None
