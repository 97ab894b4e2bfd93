"""An HTTP receiver on this machine that answers as its paths say, and remembers what it was sent."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Received(NamedTuple):
    """One request: header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """What a path answers; `drip_s` between the bytes of an endless body, `hang`: never."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b"ok"
    hang: bool = False
    drip_s: float = 0.0


class Receiver:
    """Answers by path, 404 for others; `replies` may be changed while it runs."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | list[Reply]] = {}
        self.requests: list[Received] = []
        self.port = 0
        self.connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._arrived = asyncio.Event()

    def url(self, path: str, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.path == path]

    async def until(self, path: str, count: int, seconds: float = 30.0) -> list[Received]:
        """Wait until a path was asked so often. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.at(path)) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.at(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while await self._answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def cut(self) -> None:
        """Close every connection, as a server does that was idle for long enough."""
        for writer in list(self._open):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = head[0].split()[1]
        self.requests.append(Received(path, headers, body))
        self._arrived.set()
        held = self.replies.get(path, Reply(404, body=b"no such path"))
        reply = (held.pop(0) if len(held) > 1 else held[0]) if isinstance(held, list) else held
        if reply.hang:
            await asyncio.Event().wait()
        length = 1 << 30 if reply.drip_s else len(reply.body)
        lines = [f"HTTP/1.1 {reply.status} x", f"content-length: {length}", *(f"{k}: {v}" for k, v in reply.headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if reply.drip_s else reply.body))
        await writer.drain()
        while reply.drip_s:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(reply.drip_s)
        return True


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    """Serve on a port (0: a free one) until the end of the block; connections that hang are cut."""
    found = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):  # at the end of the block
            await found.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls, limit=1 << 22)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def self_signed(folder: Path, address: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """What serves TLS for an address, and the file of its certificate, which nobody trusts unless told to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = made.public_bytes(serialization.Encoding.PEM)
    certificate, both = folder / "certificate.pem", folder / "both.pem"
    certificate.write_bytes(pem)
    both.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, certificate
