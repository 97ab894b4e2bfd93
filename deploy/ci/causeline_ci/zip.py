"""Makes the client one file, `causeline-ci.pyz`: `python -m causeline_ci.zip OUT`.

The same sources make the same bytes: files in order of their names, with one time and one mode, stored as they are (what is not inflated
starts faster).
"""

from __future__ import annotations

import io
import os
import sys
import zipfile

_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = b"from causeline_ci.cli import main\n\nmain()\n"


def write_archive(target: str) -> int:
    """Write the archive to a path, executable; return its size in bytes."""
    source = os.path.dirname(os.path.abspath(__file__))
    content = io.BytesIO()
    content.write(_SHEBANG)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry("__main__.py"), _MAIN)
        for name in sorted(os.listdir(source)):
            if name.endswith(".py"):
                with open(os.path.join(source, name), "rb") as file:
                    archive.writestr(_entry(f"causeline_ci/{name}"), file.read())
    with open(target, "wb") as file:
        file.write(content.getvalue())
    os.chmod(target, 0o755)  # noqa: S103 - a program that everybody may run
    return len(content.getvalue())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o100644 << 16
    entry.create_system = 3
    return entry


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        sys.exit("usage: python -m causeline_ci.zip OUT")
    print(f"{sys.argv[1]}: {write_archive(sys.argv[1])} bytes")
