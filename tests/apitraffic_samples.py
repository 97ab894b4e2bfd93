"""The ApiTraffic document's own curl lines and answers, and the account of its examples."""

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "fixtures" / "apitraffic"
ACCOUNT = "acc_abc123def456ghi789jkl012"
EXAMPLE_SID = "evt_abc123def456ghi789jkl012"
NOW = int(datetime(2024, 1, 15, 14, 30, 5, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
HOST = "https://api.apitraffic.io"
GITHUB = {
    "secrets.APITRAFFIC_ACCOUNT_SID": ACCOUNT,
    "secrets.APITRAFFIC_API_TOKEN": "your-jwt-token",
    "github.ref_name": "main",
    "github.sha": "a1b2c3d4e5f6",
    "github.actor": "jsmith",
    "github.run_id": "7",
}


class Line(NamedTuple):
    """One curl line of the document."""

    argv: list[str]

    @property
    def method(self) -> str:
        return self.argv[self.argv.index("-X") + 1]

    @property
    def url(self) -> str:
        return next(word for word in self.argv if word.startswith(HOST))

    @property
    def body(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.argv[self.argv.index("-d") + 1]) if "-d" in self.argv else {}
        return content


def _expanded(text: str) -> str:
    """What GitHub Actions puts in place of `${{ … }}` before a shell sees the line."""
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: GITHUB[found[1]], text)


# A shell drops an escaped end of line, shlex keeps the end of line.
LINES = [Line(shlex.split(_expanded(text).replace("\\\n", " "))) for text in (FOLDER / "curl.txt").read_text().split("\n\n")]
ANSWERS: list[dict[str, Any]] = json.loads((FOLDER / "answers.json").read_text())


def lines(method: str) -> list[Line]:
    return [line for line in LINES if line.method == method]
