"""Whose files a change touched: the wildcards of all services as one tree of names, along which each file goes once. Pure.

    apps/checkout/**   !**/*.md   *.css          root ─apps─▶ ○ ─checkout─▶ ends: checkout
                                                   └─ ** ─▶ ○ ─*.md─▶ ends: checkout, taken out
                                                            └─*.css─▶ ends: web

A file is at several places of the tree at once, and never goes back: a name is looked for once at each place, whatever the wildcards are.
So the steps of a file are at most its names times the places, and those of a change are bounded beside (`MOST_STEPS`): who describes a
thousand services by `*a*` gets fewer of a change's files looked at, and holds up nobody. Files of one folder share the way to it.

Of one service the last wildcard that matches a file decides, as the order of its list says.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from causeline.schemas.topology.globs import NameGlob
from causeline.schemas.topology.paths import MAX_FILE_PATH, Wildcard, parse_wildcard
from causeline.schemas.topology.repos import may_be_one_repo, repo_path
from causeline.schemas.topology.service import Service

MOST_FILES: Final = 1_000
"""Of one change: the first ones."""
MOST_STEPS: Final = 40_000
"""Of one change: a thousand files in as many folders, where no wildcard is for every folder."""
_STEPS_OF_A_NAME: Final = 4
"""To look for a name takes as long as these, however few places there are."""


class OwnFiles(NamedTuple):
    """What of a change is one service's: the first file, and how many of those that were looked at."""

    first: str
    number: int


class FileOwners(NamedTuple):
    """Whose files were changed, by the service's name and in that order; how many were looked at, and how many steps that took.

    `is_cut`: there were more files, which were too many or took too many steps.
    """

    services: Mapping[str, OwnFiles] = {}
    files: int = 0
    is_cut: bool = False
    steps: int = 0


class _End(NamedTuple):
    """A wildcard that ends at a place: whose it is, where it stands in the list, and what it says."""

    owner: int
    place: int
    is_within: bool
    includes: bool


class _Place:
    """Where a file may be: what the next name may be, and which wildcards end here. `any_folders` is behind a `**`, and stays there."""

    __slots__ = ("any_folders", "ends", "globs", "names", "stays")

    def __init__(self, *, stays: bool = False) -> None:
        self.names: dict[str, _Place] = {}
        self.globs: dict[str, tuple[NameGlob, _Place]] = {}
        self.any_folders: _Place | None = None
        self.ends: list[_End] = []
        self.stays: Final = stays

    def next(self, name: str | NameGlob | None) -> "_Place":
        """Return the place behind a name of a wildcard, a new one where no wildcard went there yet."""
        if name is None:
            self.any_folders = self.any_folders or _Place(stays=True)
            return self.any_folders
        if isinstance(name, str):
            return self.names.setdefault(name, _Place())
        return self.globs.setdefault(name.text, (name, _Place()))[1]


class FileIndex:
    """The wildcards of some services. It is made once and asked by many threads."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._root: Final = _Place()
        self._names: Final[list[str]] = []
        self._repos: Final[list[str]] = []
        for service in sorted((service for service in services if service.paths), key=lambda service: service.name):
            for place, text in enumerate(service.paths):
                if (wildcard := _read(text)) is not None:
                    self._add(wildcard, len(self._names), place)
            self._names.append(service.name)
            self._repos.append(repo_path(service.repo or ""))
        self._decisions: Final = _decide({}, self._root.ends)

    @property
    def is_of_any(self) -> bool:
        """Whether any service has wildcards."""
        return bool(self._names)

    def owners(self, repo: str, files: Sequence[str]) -> FileOwners:
        """Return the services whose files a change of a repository touched, in bounded steps.

        Where the change and a service both name a repository, it must be the same one (`is_same_repo`). A path that is longer than
        `MAX_FILE_PATH` is nobody's.
        """
        walk = _Walk(self._root, self._decisions)
        own_files: dict[int, OwnFiles] = {}
        count = 0
        for file in islice(files, MOST_FILES):
            try:
                owners = walk.owners(file)
            except _OutOfStepsError:
                break
            for owner in owners:
                own = own_files.get(owner)
                own_files[owner] = OwnFiles(file, 1) if own is None else OwnFiles(own.first, own.number + 1)
            count += 1
        repo = repo_path(repo)
        services = {self._names[owner]: own_files[owner] for owner in sorted(own_files) if may_be_one_repo(repo, self._repos[owner])}
        return FileOwners(services, count, count < len(files), walk.steps)

    def _add(self, wildcard: Wildcard, owner: int, place: int) -> None:
        node = self._root
        for name in wildcard.names:
            node = node.next(name)
        node.ends.append(_End(owner, place, wildcard.is_within, wildcard.includes))


def _read(text: str) -> Wildcard | None:
    try:
        return parse_wildcard(text)
    except ValueError:
        return None  # refused where services are written: nothing that is stored


class _OutOfStepsError(Exception):
    """The change has had its steps."""


class _Reach:
    """Where a path is in the tree, and what the wildcards that ended on its way say of all that lies there: the last of each owner.

    `folders` are those that were looked at below it, by name.
    """

    __slots__ = ("decisions", "folders", "places")

    def __init__(self, places: Iterable[_Place], decisions: Mapping[int, _End]) -> None:
        self.places: Final = tuple(places)
        self.decisions: Final = decisions
        self.folders: Final[dict[str, _Reach]] = {}


class _Walk:
    """The files of one change, one after the other. `steps` counts what was looked at: names, places, wildcards and decisions."""

    def __init__(self, root: _Place, decisions: Mapping[int, _End]) -> None:
        self.steps = 0
        self._start: Final = _Reach(_with_folders(root), decisions)

    def owners(self, file: str) -> list[int]:
        """Return whose a file is. Raises _OutOfStepsError."""
        names = [] if len(file) > MAX_FILE_PATH else [name for name in file.split("/") if name not in ("", ".")]
        self._spend(1 + len(names))
        if not names:
            return []
        reach = self._start
        for name in names[:-1]:
            if not reach.places:
                break
            following = reach.folders.get(name)
            if following is None:
                following = reach.folders[name] = self._advance(reach, name, is_folder=True)
            reach = following
        if reach.places:
            reach = self._advance(reach, names[-1], is_folder=False)
        self._spend(len(reach.decisions))
        return [owner for owner, end in reach.decisions.items() if end.includes]

    def _advance(self, reach: _Reach, name: str, *, is_folder: bool) -> _Reach:
        self._spend(_STEPS_OF_A_NAME + len(reach.places))
        places: dict[_Place, None] = {}
        for place in reach.places:
            if place.stays:
                places[place] = None
            if (following := place.names.get(name)) is not None:
                places.update(_with_folders(following))
            for glob, behind in place.globs.values():
                self._spend(glob.cost(name))
                if glob.fits(name):
                    places.update(_with_folders(behind))
        ends: list[_End] = []
        for place in places:
            if place.ends:
                self._spend(len(place.ends))
                ends += (end for end in place.ends if is_folder or not end.is_within)
        if not ends:
            return _Reach(places, reach.decisions)
        self._spend(len(reach.decisions))
        return _Reach(places, _decide(reach.decisions, ends))

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise _OutOfStepsError


def _with_folders(place: _Place) -> dict[_Place, None]:
    """Return a place, and the one behind the `**` that may stand there for no folder."""
    return {place: None} if place.any_folders is None else {place: None, place.any_folders: None}


def _decide(decisions: Mapping[int, _End], ends: Iterable[_End]) -> Mapping[int, _End]:
    """Return what holds once these wildcards matched as well: of each owner the one that stands last in its list."""
    after = dict(decisions)
    for end in ends:
        if end.owner not in after or after[end.owner].place < end.place:
            after[end.owner] = end
    return after
