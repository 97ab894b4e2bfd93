from pathlib import Path

from causeline.processors.events import diagram
from causeline.processors.events.problems import TRANSITIONS

DOCUMENT = Path(__file__).parents[4] / "docs" / "problems.md"


def test_the_document_shows_the_diagram_of_the_table() -> None:
    block = DOCUMENT.read_text("utf-8").split("<!-- lifecycle -->")[1]
    assert block.strip() == f"```mermaid\n{diagram.mermaid()}\n```"


def test_the_diagram_shows_every_transition_of_the_table() -> None:
    diagram_text = diagram.mermaid()
    assert all(f"{move} / {transition}" in diagram_text for (_, move), (transition, _) in TRANSITIONS.items() if transition)
