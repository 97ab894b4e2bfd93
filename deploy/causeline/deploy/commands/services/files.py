"""The files of `causeline services import`: YAML of several documents, or JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.services.catalogs import CatalogDocument
from causeline.deploy.terminal import visible


def read_documents(paths: Sequence[Path]) -> Iterator[CatalogDocument]:
    """Yield the documents of all files. Raises ApiError for a file that cannot be read, so that half a catalog is never imported."""
    for path in paths:
        try:
            contents = _contents(path)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise ApiError(f"{path} cannot be read: {visible(' '.join(str(error).split()), 300)}", 2) from error
        for number, content in enumerate(contents, start=1):
            yield CatalogDocument(f"{path}, document {number}" if len(contents) > 1 else str(path), content)


def _contents(path: Path) -> list[object]:
    text = path.read_text("utf-8-sig")
    return [json.loads(text)] if path.suffix.casefold() == ".json" else list(yaml.safe_load_all(text))
