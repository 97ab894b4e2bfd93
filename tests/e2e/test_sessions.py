"""`causeline up --auth required` with a browser: signing in by the form, reading a page, not writing without the scope, signing out."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests import patience
from tests.stack import Stack, running


def run(stack: Stack, *words: str) -> str:
    """Return what a command beside the running stack prints."""
    command = [str(Path(sys.executable).with_name("causeline")), *words, "--data-dir", str(stack.data_dir)]
    command += ["--kafka-port", str(stack.kafka_port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ)).stdout.strip()


def test_a_visitor_signs_in_reads_may_not_write_and_signs_out(tmp_path: Path) -> None:
    with running(tmp_path / "data", CAUSELINE_AUTH="required", CAUSELINE_LOG_LEVEL="debug") as stack:
        secret = run(stack, "token", "create", "--tenant", "shop", "--scope", "read", "--name", "ann")
        own = {"Origin": stack.url}
        with httpx.Client(base_url=stack.url, timeout=30) as browser:
            refused = browser.get("/problems")
            assert (refused.status_code, 'name="token"' in refused.text) == (401, True)
            form = {"token": secret}
            bearer = {"Authorization": f"Bearer {secret}"}
            patience.asked(lambda: httpx.get(f"{stack.url}/v1/problems", headers=bearer).status_code == 200)  # the server has followed
            assert browser.post("/session", data=form, headers=own).status_code == 303
            page = browser.get("/problems")
            assert (page.status_code, "shop · ann" in page.text) == (200, True)
            assert browser.get("/v1/problems").json()["problems"] == []
            event = {"kind": "deployment", "title": "t"}
            assert browser.post("/v1/events", json=event, headers=own).status_code == 403
            feedback = "/v1/problems/00000000-0000-7000-8000-000000000000/causes/none/feedback"
            assert browser.put(feedback, json={"verdict": "confirmed"}, headers=own).status_code == 403
            cookie = browser.cookies["causeline_session"]
            [line] = [line for line in run(stack, "session", "list").splitlines() if " shop " in line]
            assert " ann " in line
            assert browser.post("/session/end", headers={"Origin": "https://evil.example"}).status_code == 403
            assert browser.post("/session/end", headers=own).status_code == 303
            assert browser.get("/problems").status_code == 401
            assert httpx.get(f"{stack.url}/problems", headers={"Cookie": f"causeline_session={cookie}"}).status_code == 401

            assert browser.post("/session", data=form, headers=own).status_code == 303
            [line] = [line for line in run(stack, "session", "list", "--tenant", "shop").splitlines() if " shop " in line]
            run(stack, "session", "revoke", line.split()[0])
            patience.asked(lambda: browser.get("/problems").status_code == 401)
        text = stack.log.read_text(errors="replace")
        assert "session begun" in text
        assert secret not in text
        assert cookie.split(":")[1] not in text
