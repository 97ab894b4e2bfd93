"""The README's first minutes and the pages of the APIs, pasted: a shell with curl runs each line, the next ones show what was sent."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests import patience
from tests.stack import Stack

README: Final = Path(__file__).parents[2] / "README.md"
ACCOUNT: Final = "acc_abc123def456ghi789jkl012"
_WRITES: Final = re.compile(r"\s(-X|-d|--data\S*)\s")
"""What is pasted once. A list waits for 300 ms, enough where the machine is not crowded: a read that shows too little goes again."""

SHOWN: Final[dict[str, dict[str, str]]] = {
    "The first five minutes": {
        "/v1/problems?state=open": "Checkout answers slowly",
        "/changes?before=2h": "Deploy checkout 1.4",
        "/causes": '"verdict":"likely"',
    },
    "Tracker": {"/events/search?": "Deploy user-service v2.1.0 to production", "/events/today": "Deploy user-service v2.1.0 to production"},
    "DESK Events API v1": {"relativeTime=hour": "coffee machine is defective", "relativeTime": "Error rate"},
    "CTO.ai lifecycle events": {
        "$sort[timestamp]": "298673a9-a40f-4717-b288-060be948831b",
        "[$in][]=failed": "298673a9-a40f-4717-b288-060be948831b",
    },
    "EscapeKit event service": {"/query/inventory/test/": "CREATE_INVENTORY_PROJECT"},
    "ApiTraffic event markers": {
        "type=incident&bucketSid": "Database connection spike",
        "-X PUT": "pool exhausted",
        "/v1/annotations": "Database connection spike",
    },
    "The native API": {
        "--data-binary": '"accepted":1,"rejected":1',
        "/v1/events?service=checkout": "Deploy checkout 1.4",
        "/v1/problems?state=open": "Error rate",
        "/changes?before=2h": "Deploy checkout 1.4",
        "/causes": "Deploy checkout 1.4",
        "/v1/changes?at=now": "Deploy checkout 1.4",
        "/v1/histogram": '"deployment"',
    },
}
"""By heading: which words of a command's answer show what was sent, by what tells the command from the others."""


def pasted() -> str:
    """Return the README, and behind it the pages of the APIs that it links to, in its order."""
    text = README.read_text()
    pages = re.findall(r"\]\((docs/apis/[\w-]+\.md)\)", text)
    return "\n".join([text, *(README.parent.joinpath(page).read_text() for page in pages)])


def blocks(text: str) -> dict[str, str]:
    """Return the first shell block under each heading of the first or second level."""
    sections: dict[str, str] = {}
    for section in re.split(r"^##? ", text, flags=re.MULTILINE)[1:]:
        heading, _, rest = section.partition("\n")
        block = re.search(r"^```sh\n(.*?)^```", rest, flags=re.MULTILINE | re.DOTALL)
        if block is not None:
            sections[heading.strip()] = block[1]
    return sections


def commands(block: str) -> list[str]:
    """Return the commands of a block: a line that does not end one, as the shell sees it, belongs to the next."""
    command_lines, open_ = [], ""
    for line in block.splitlines():
        open_ += line + "\n"
        whole = subprocess.run(["bash", "-n", "-c", open_], capture_output=True, check=False)
        if whole.returncode == 0 and not line.endswith("\\") and open_.strip():
            command_lines.append(open_.strip())
            open_ = ""
    assert not open_.strip(), f"a command without an end: {open_}"
    return command_lines


class Paste:
    """One time through the README, as a tenant that nobody else is."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._account = f"{ACCOUNT[:-1]}0"
        self._plain = folder
        self._tenant = folder / "tenant"
        self._tenant.mkdir()
        folder.joinpath(".curlrc").write_text("silent\nshow-error\n")
        self._tenant.joinpath(".curlrc").write_text('silent\nshow-error\nheader = "Causeline-Tenant: readme-0"\n')
        self._known: dict[str, str] = {}

    def block(self, heading: str, text: str) -> None:
        """Run the commands of a block and look for what they are to show."""
        sought = dict(SHOWN[heading])
        for command in commands(text):
            words = [sought.pop(mark) for mark in list(sought) if mark in command]
            answer = self._answer(command, words)
            assert all(word in answer for word in words), f"{heading}: {command}\n{answer}"
        assert not sought, f"{heading}: the README has no line with {list(sought)}"

    def _answer(self, command: str, words: list[str]) -> str:
        if _WRITES.search(command):
            return self._run(command)
        return patience.asked_by(lambda: self._run(command), lambda answer: all(word in answer for word in words))

    def _run(self, command: str) -> str:
        line = command.replace("localhost:8080", f"127.0.0.1:{self._stack.http_port}").replace(ACCOUNT, self._account)
        for name in ("SID", "ID"):
            line = re.sub(rf"(?<=/){name}\b", self._known.get(name, name), line)
        home = self._plain if self._account in line else self._tenant
        process = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "CURL_HOME": str(home)}
        )
        assert process.returncode == 0, f"{line}\n{process.stderr}"
        self._learn(process.stdout)
        return process.stdout

    def _learn(self, answer: str) -> None:
        """Keep the ids that the next lines leave to the reader: an ApiTraffic event's, and the newest open problem's."""
        body: Any = json.loads(answer) if answer.lstrip().startswith("{") else {}
        if "sid" in body:
            self._known["SID"] = body["sid"]
        if body.get("problems"):
            self._known["ID"] = body["problems"][0]["id"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's lines are for a shell with curl, and there is none")
def test_whoever_pastes_the_readme_sees_what_was_just_sent(stack: Stack, tmp_path: Path) -> None:
    sections = blocks(pasted())
    assert set(SHOWN) <= set(sections)
    paste = Paste(stack, tmp_path)
    for heading in (heading for heading in sections if heading in SHOWN):
        paste.block(heading, sections[heading])
