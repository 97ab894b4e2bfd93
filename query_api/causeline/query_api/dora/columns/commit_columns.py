"""How long commits took into production, as columns: the rules of `commit_times.py`, for all deployments at once."""

from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple, Self

import numpy as np

from causeline.query_api.dora.columns.arrays import Numbers, code, numbers, starts_of
from causeline.query_api.dora.columns.deployment_columns import DeploymentRows
from causeline.query_api.dora.commit_times import CommitBook, commits_of
from causeline.query_api.dora.dora_facts import ListedCommit

_NEVER: Final = np.iinfo(np.int64).max
NOT_POSITIVE: Final = 0
UNKNOWN_TIME: Final = -1


class LeadColumns(NamedTuple):
    """Of each deployment the commits that it brought first: `values[starts[k] : starts[k + 1]]` are those of the k-th.

    A value is the ms from the commit to the end of the deployment, or NOT_POSITIVE or UNKNOWN_TIME where it has none.
    """

    starts: Numbers
    values: Numbers

    @property
    def own(self) -> Numbers:
        """Return the values of all deployments."""
        return self.values[self.starts[0] : self.starts[-1]]

    def cut(self, low: int, high: int) -> Self:
        """Return those of the deployments from one to before another."""
        return self._replace(starts=self.starts[low : high + 1])

    def take(self, rows: Numbers) -> Self:
        """Return those of some deployments."""
        sizes = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
        shift = np.repeat(self.starts[rows] - starts[:-1], sizes)
        return self._replace(starts=starts, values=self.values[np.arange(starts[-1]) + shift])


def lead_columns(rows: DeploymentRows, services: Numbers, book: CommitBook) -> LeadColumns:
    """Return how long the commits of deployments took, each where its service first deployed it. `services` are numbers."""
    commits: list[tuple[ListedCommit, ...]] = [()] * len(rows)
    heads = [""] * len(rows)
    for k, fact in zip(rows.plain_numbers.tolist(), rows.plain_facts, strict=True):
        commits[k], heads[k] = fact.commits, fact.commit
    for k in rows.objects:
        commits[k] = tuple(ListedCommit(*each) for each in commits_of(rows.large_facts(k)).items())
    # A head that its list begins with is no commit more.
    with_head = [k for k, (head, own) in enumerate(zip(heads, commits, strict=True)) if head and not (own and own[0][0] == head)]
    sizes = numbers(map(len, commits), len(commits))
    listed_commits = [*chain.from_iterable(commits)]
    commit = code([*map(itemgetter(0), listed_commits), *(heads[k] for k in with_head)])
    if not len(commit.codes):
        return LeadColumns(np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int64))
    times = numbers((_NEVER if time is None else time for _, time in listed_commits), len(listed_commits))
    time = np.concatenate((times, np.full(len(with_head), _NEVER, np.int64)))
    number = np.concatenate((np.repeat(np.arange(len(rows)), sizes), numbers(with_head)))
    # By service and commit, there by deployment: the first deployment of each is the one that counts.
    key = (services[number] * len(commit.by_text) + commit.codes) * len(rows) + number
    order = np.argsort(key)
    key, number, time, codes = key[order], number[order], time[order], commit.codes[order]
    starts = starts_of(key // len(rows))
    is_first = key == np.repeat(key[starts], np.diff(np.concatenate((starts, [len(key)]))))
    when = np.minimum.reduceat(np.where(is_first, time, _NEVER), starts)
    number, codes = number[starts], codes[starts]
    unknown = np.flatnonzero(when == _NEVER)
    names = commit.names
    when[unknown] = numbers((book.time_of(names[own], _NEVER) for own in codes[unknown].tolist()), len(unknown))
    took = rows.end[number] - when
    values = np.where(when == _NEVER, UNKNOWN_TIME, np.where(took > 0, took, NOT_POSITIVE))
    return LeadColumns(np.searchsorted(np.sort(number), np.arange(len(rows) + 1)), values[np.argsort(number, kind="stable")])
