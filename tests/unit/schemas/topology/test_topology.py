"""What a topology answers: tables of small fleets, and properties of any fleet, cycles and clashing aliases included."""

from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import MAX_HOPS, Topology

SHOP = Topology(
    [
        Service(name="web", depends_on=("checkout-svc", "search")),
        Service(name="checkout", depends_on=("payments", "web", "checkout"), aliases=("checkout-svc", "co"), repo="acme/shop"),
        Service(name="payments", depends_on=("ledger",)),
        Service(name="ledger", depends_on=("db",)),
        Service(name="db", depends_on=("disk",)),
    ]
)

NAMES = st.sampled_from("abcdefgh")
SERVICES = st.builds(
    Service,
    name=NAMES,
    depends_on=st.lists(NAMES, max_size=4).map(tuple),
    aliases=st.lists(st.sampled_from("efghxyz"), max_size=3, unique=True).map(tuple),
)
FLEETS = st.lists(SERVICES, max_size=10)


def test_an_alias_means_its_service_and_any_other_name_itself() -> None:
    assert [SHOP.resolve(name) for name in ("checkout-svc", "co", "checkout", "nobody", "")] == ["checkout"] * 3 + ["nobody", ""]
    assert SHOP.names_of("co") == ("checkout", "checkout-svc", "co")
    assert SHOP.names_of("nobody") == ("nobody",)


def test_callees_are_counted_by_the_fewest_hops_and_end_at_the_third() -> None:
    assert SHOP.callees("web") == {"checkout": 1, "search": 1, "payments": 2, "ledger": 3}
    assert list(SHOP.callees("web").values()) == [1, 1, 2, 3]
    assert SHOP.callees("co", 1) == {"payments": 1, "web": 1}
    assert SHOP.callees("nobody") == {}


def test_callers_are_one_hop_away_and_a_service_that_nobody_described_has_some() -> None:
    assert SHOP.callers("co") == {"web"}
    assert SHOP.callers("search") == {"web"}
    assert SHOP.callers("nobody") == frozenset()


def test_a_name_comes_before_an_alias_and_the_first_of_two_claims_holds() -> None:
    topology = Topology([Service(name="b", aliases=("x", "a")), Service(name="a", aliases=("x",)), Service(name="c", aliases=("x",))])
    assert (topology.resolve("x"), topology.resolve("a")) == ("a", "a")
    assert topology.names_of("b") == ("b",)


@given(FLEETS)
def test_names_resolve_to_services_whatever_the_order_they_came_in(fleet: list[Service]) -> None:
    by_name = {service.name: service for service in fleet}
    topology, turned = Topology(by_name.values()), Topology(reversed(by_name.values()))
    for name in "abcdefghxyz":
        own = topology.resolve(name)
        assert own == turned.resolve(name) == topology.resolve(own)
        assert own == name if name in by_name else own in {name, *by_name}
        assert name in topology.names_of(name)
        assert topology.callees(name) == turned.callees(name)


@given(FLEETS, NAMES)
def test_hops_are_shortest_ways_and_cycles_end(fleet: list[Service], name: str) -> None:
    topology = Topology({service.name: service for service in fleet}.values())
    origin, near = topology.resolve(name), topology.callees(name)
    assert origin not in near
    assert set(near.values()) <= set(range(1, MAX_HOPS + 1))
    reached: set[str] = {origin}
    for hop in range(1, MAX_HOPS + 1):
        frontier = {callee for caller in reached for callee in topology.callees(caller, 1)} - reached
        assert {callee for callee, distance in near.items() if distance == hop} == frontier
        reached |= frontier
    for callee in topology.callees(name, 1):
        assert origin in topology.callers(callee)
    for caller in topology.callers(name):
        assert topology.callees(caller, 1)[origin] == 1


def test_files_find_the_services_that_are_made_from_them() -> None:
    topology = Topology([Service(name="checkout", repo="acme/shop", paths=("apps/checkout/**",)), Service(name="web")])
    assert topology.has_files
    assert list(topology.owners_of_files("acme/shop", ["README.md", "apps/checkout/a"]).services) == ["checkout"]
    assert not SHOP.has_files
    assert SHOP.owners_of_files("acme/shop", ["a"]).services == {}
