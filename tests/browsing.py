"""A browser that keeps the cookies it is given, at a server in memory."""

from collections.abc import Iterable, Mapping

from tests.access_server import TENANT, AccessServer
from tests.pages import Pages, Seen


class Browser(Pages):
    """One visitor's."""

    def __init__(self, server: AccessServer) -> None:
        super().__init__(server)
        self.cookies: dict[str, str] = {}

    def keep(self, page: Seen) -> Seen:
        field = page.headers.get("Set-Cookie", "")
        name, _, value = field.partition(";")[0].partition("=")
        if name and "Max-Age=0;" in field:
            self.cookies.pop(name, None)
        elif name:
            self.cookies[name] = value
        self.headers["cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        return page

    async def visit(self, address: str, query: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Seen:
        return self.keep(await super().visit(address, query))

    async def press(self, path: str, fields: Mapping[str, str] | None = None) -> Seen:
        return self.keep(await super().press(path, fields))

    async def sign_in(self, *scopes: str, tenant: str = TENANT, name: str = "", groups: tuple[str, ...] = ()) -> str:
        """Sign in with a new token; return it."""
        secret = await self.server.issue(*scopes, tenant=tenant, name=name, groups=groups)
        assert (await self.press("/session", {"token": secret})).status == 303
        return secret
