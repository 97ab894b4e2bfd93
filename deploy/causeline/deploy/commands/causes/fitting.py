"""`causeline causes fit`: from what was said to weights in a file, and what they are worth."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from rich.table import Table

from causeline.deploy.adapters.api_client import ApiError, RequestRefused
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.causes.client import CauseClient
from causeline.deploy.commands.causes.pairs import FeedbackPair, Knowledge, example_of, knowledge_of, pair_of, read_pairs
from causeline.deploy.exit_codes import USAGE
from causeline.query_api.causes.fit_figures import FIGURES, measure_fit, measure_unseen
from causeline.query_api.causes.fitting import TermExample, fit_terms
from causeline.query_api.causes.model import Model, write_model

FitFigures = Mapping[str, float | None]
LEAST_EXAMPLES: Final = 20
"""Of fewer, what was not seen cannot be judged: one confirmation alone moved a weight eightfold."""
_NOTHING: Final = "nothing to fit to: no problem has feedback that tells its cause from other changes"


def fit_weights(client: CauseClient, pairs: Path | None, output: Path, limit: int) -> int:
    """Fit to the feedback of a server or of a file; return the exit code. Raises ApiError."""
    knowledge = dict(islice(knowledge_of(_pairs(client, pairs)).items(), limit))
    examples, start = _examples(client, knowledge)
    if start is None or not examples:
        raise ApiError(_NOTHING)
    if len(examples) < LEAST_EXAMPLES:
        raise ApiError(
            f"{len(examples)} problems have feedback that tells their cause from other changes, and weights fitted to fewer than "
            f"{LEAST_EXAMPLES} say nothing of others"
        )
    try:
        model = fit_terms(examples, f"{start.version}+{len(examples)}", start)
    except ValueError as error:
        raise ApiError(f"the server ranks by more than this command knows of: {error}") from error
    before, after = ([(example, weights) for example in examples] for weights in (start, model))
    wide_tables.print_table(_figure_table(measure_fit(before), measure_fit(after), measure_unseen(examples, start)))
    try:
        output.write_bytes(write_model(model))
    except OSError as error:
        raise ApiError(f"{output} cannot be written: {error.strerror}") from error
    print(f"fitted to {len(examples)} of {len(knowledge)} problems with feedback; version {model.version} in {output}")
    return 0


def _pairs(client: CauseClient, path: Path | None) -> list[FeedbackPair]:
    if path is None:
        return [pair_of(view) for view in client.list_feedback()]
    try:
        return list(read_pairs(path.read_bytes()))
    except OSError as error:
        raise ApiError(f"{path} cannot be read: {error.strerror}", USAGE) from error
    except ValueError as error:
        raise ApiError(f"{path}, {error}", USAGE) from error


def _examples(client: CauseClient, knowledge: Mapping[str, Knowledge]) -> tuple[list[TermExample], Model | None]:
    """Return the examples that tell something, and the weights that the server uses; problems that are gone are left out."""
    examples, start = [], None
    for problem, own_knowledge in knowledge.items():
        try:
            view = client.terms(problem)
        except RequestRefused:
            continue
        start = start or Model(view["model"]["version"], view["model"]["weights"])
        example = example_of(own_knowledge, view)
        if example is not None:
            examples.append(example)
    return examples, start


def _figure_table(before: FitFigures, after: FitFigures, unseen: FitFigures) -> Table:
    table = Table(box=None, pad_edge=False)
    columns: Sequence[FitFigures] = (before, after, unseen)
    for heading in ("figure", "before", "after", "unseen"):
        table.add_column(heading, no_wrap=True)
    for name in FIGURES:
        table.add_row(name, *(_text(figures[name]) for figures in columns))
    return table


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
