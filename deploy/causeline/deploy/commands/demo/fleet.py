"""The fleet of the demo: forty services of a shop, whose they are, what they call, and how often each is deployed. Pure."""

from typing import Final, NamedTuple

from causeline.deploy.commands.demo.marks import Body

REPO_PREFIX: Final = "causeline-demo/"
"""Every service of the demo lies in a repository of this beginning, and no other service does: so they are found again."""


class DemoService(NamedTuple):
    """A service. `pace` is how often it is deployed on a working day; `tier` 1 is what a shop cannot be without."""

    name: str
    team: str
    tier: int
    pace: float
    calls: tuple[str, ...] = ()

    @property
    def repo(self) -> str:
        """Return its repository."""
        return f"{REPO_PREFIX}{self.name}"

    @property
    def fields(self) -> Body:
        """Return what every event of the service says of it."""
        return {"service": self.name, "team": self.team, "repo": self.repo}

    @property
    def is_store(self) -> bool:
        """Tell whether it keeps data: its like is configured and migrated, and hardly ever deployed."""
        return self.pace < _STORE_PACE


_STORE_PACE: Final = 0.1

FLEET: Final = (
    DemoService("web-storefront", "storefront", 1, 1.6, ("catalog-api", "search-api", "cart", "session", "cdn-edge", "feature-flags")),
    DemoService("mobile-gateway", "storefront", 1, 0.6, ("catalog-api", "search-api", "cart", "session")),
    DemoService("ab-testing", "storefront", 3, 0.5, ("feature-flags",)),
    DemoService("checkout", "checkout", 1, 1.2, ("cart", "payments", "pricing", "stock", "session", "fraud-check")),
    DemoService("cart", "checkout", 1, 0.7, ("pricing", "redis-cart")),
    DemoService("pricing", "checkout", 1, 0.6, ("promotions", "catalog-db")),
    DemoService("promotions", "checkout", 2, 0.6, ("catalog-db",)),
    DemoService("payments", "payments", 1, 0.5, ("card-gateway", "ledger", "payments-db")),
    DemoService("card-gateway", "payments", 1, 0.2),
    DemoService("ledger", "payments", 1, 0.2, ("payments-db",)),
    DemoService("fraud-check", "payments", 2, 0.5, ("feature-store",)),
    DemoService("refunds", "payments", 3, 0.3, ("payments", "ledger", "mailer")),
    DemoService("payments-db", "payments", 1, 0.02),
    DemoService("catalog-api", "catalog", 1, 0.8, ("catalog-db", "images")),
    DemoService("catalog-importer", "catalog", 3, 0.4, ("catalog-db", "message-bus")),
    DemoService("catalog-db", "catalog", 1, 0.02),
    DemoService("images", "catalog", 2, 0.3, ("object-store",)),
    DemoService("search-api", "search", 1, 0.7, ("search-index", "recommendations")),
    DemoService("search-index", "search", 1, 0.05),
    DemoService("search-indexer", "search", 3, 0.4, ("message-bus", "catalog-api", "search-index")),
    DemoService("recommendations", "search", 2, 0.6, ("feature-store",)),
    DemoService("session", "identity", 1, 0.3, ("user-db", "redis-session")),
    DemoService("login", "identity", 1, 0.3, ("user-db", "session", "mailer")),
    DemoService("user-profile", "identity", 2, 0.4, ("user-db",)),
    DemoService("user-db", "identity", 1, 0.02),
    DemoService("redis-session", "identity", 1, 0.02),
    DemoService("stock", "logistics", 1, 0.5, ("warehouse-db",)),
    DemoService("shipping", "logistics", 2, 0.4, ("carriers", "warehouse-db")),
    DemoService("carriers", "logistics", 3, 0.2),
    DemoService("warehouse-db", "logistics", 1, 0.02),
    DemoService("order-tracking", "logistics", 3, 0.4, ("shipping", "message-bus")),
    DemoService("message-bus", "platform", 1, 0.03),
    DemoService("feature-flags", "platform", 1, 0.2),
    DemoService("object-store", "platform", 1, 0.02),
    DemoService("cdn-edge", "platform", 1, 0.1),
    DemoService("redis-cart", "platform", 1, 0.02),
    DemoService("feature-store", "data", 2, 0.3, ("message-bus",)),
    DemoService("events-warehouse", "data", 3, 0.2, ("message-bus",)),
    DemoService("reports", "data", 3, 0.3, ("events-warehouse",)),
    DemoService("mailer", "messaging", 2, 0.3, ("message-bus",)),
)

BY_NAME: Final = {service.name: service for service in FLEET}

PEOPLE: Final = ("ada", "barbara", "edsger", "grace", "ken", "leslie", "margaret", "radia")
"""Who does things here; no real person's work."""


def callers_of(name: str) -> tuple[DemoService, ...]:
    """Return the services that call one."""
    return tuple(service for service in FLEET if name in service.calls)


def service_bodies() -> list[Body]:
    """Return the fleet as `POST /v1/services` takes it."""
    return [
        {
            "name": service.name,
            "team": service.team,
            "owner": f"{service.team} team of the demo",
            "repo": service.repo,
            "tier": service.tier,
            "depends_on": list(service.calls),
            "paths": ["**"],
        }
        for service in FLEET
    ]
