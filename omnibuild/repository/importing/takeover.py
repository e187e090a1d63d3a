"""``repo import``: what another tool published comes to channels of a repository.

All packages are listed, fetched, compared with their indexes and read by intake before the first of
them is published. One that is refused stops all of it, unless that is to be skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.errors import (
    IdentityConflictError,
    OmnibuildError,
    PackageError,
    RepositoryError,
    UsageError,
    Where,
)
from omnibuild.events import Emit, human_size, silent
from omnibuild.recipe.models import Platform
from omnibuild.repository import intake, layout
from omnibuild.repository.importing.place import Listed, Place, open_place
from omnibuild.repository.importing.sources import Mapping, Suites, listed_in, suites_of
from omnibuild.repository.intake import Submission
from omnibuild.repository.publish import Published, publish_inspected
from omnibuild.repository.refusals import check_identities, checked_url, opened
from omnibuild.repository.routing import trees_for
from omnibuild.repository.state.head import load
from omnibuild.repository.targets.target import Target
from omnibuild.signing.signer import Signer
from omnibuild.signing.verifier import load_verifier

# Servers of others are asked for so many packages at once.
AT_ONCE = 4


@dataclass(frozen=True)
class Wanted:
    """What is to be taken over.

    Args:
        place: a directory, or an address.
        mapping: where its packages shall be.
        signed_by: public keys that sign its indexes.
        unsigned: whether an address may be read whose indexes nobody signs.
        skip_refused: whether the rest is taken when some packages are refused.
        store: where downloads go.
    """

    place: str
    mapping: Mapping
    store: Path
    signed_by: tuple[Path, ...] = ()
    unsigned: bool = False
    skip_refused: bool = False


@dataclass(frozen=True)
class Part:
    """Packages that go to one place: a component of a channel."""

    channel: str
    component: str
    packages: int
    size: int


@dataclass
class Imported:
    """What was taken over, or would be.

    Args:
        parts: where it is.
        suites: the suites that it came from, and the channel of each.
        refused: what was not, by its path there, and why.
        added: how many packages the channels did not hold.
    """

    parts: list[Part] = field(default_factory=list)
    suites: Suites = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    added: int = 0

    def lines(self, *, dry_run: bool) -> Iterator[str]:
        """Yield all of it in words."""
        for suite, channel in self.suites.items():
            yield f"suite {suite} {'would become' if dry_run else 'is now'} channel {channel}"
        for part in self.parts:
            component = f", component {part.component}" if part.component else ""
            yield (
                f"channel {part.channel}{component}: {part.packages} packages,"
                f" {human_size(part.size)}"
            )
        for path, why in self.refused.items():
            first, *more = why.splitlines()
            yield f"refused: {path}: {first}"
            yield from (f"  {line}" for line in more)
        yield "nothing was changed" if dry_run else f"{self.added} packages are new"


def import_repository(
    wanted: Wanted,
    repository: Path | str,
    signer: Signer,
    platforms: Sequence[Platform],
    base_url: str = "",
    emit: Emit = silent,
    *,
    dry_run: bool = False,
) -> Imported:
    """Take over a repository of another tool; a new directory becomes one of omnibuild's.

    Args:
        wanted: what, and how.
        repository: where to, as for publishing.
        signer: the repository's key.
        platforms: as for publishing.
        base_url: where hosts will find it.
        emit: takes an event for each package that is new.
        dry_run: only tell what indexes list, and where it would be.

    Raises :class:`RepositoryError` and :class:`PackageError` before anything is changed.
    """
    place = open_place(wanted.place, wanted.store)
    verifier = load_verifier(wanted.signed_by) if wanted.signed_by else None
    if verifier is None and not wanted.unsigned and wanted.place.startswith("http"):
        raise UsageError(
            "nothing says whose signatures are good there",
            hint="name the key that signs it: --signed-by KEYFILE; or say --unsigned",
        )
    suites = suites_of(place, wanted.mapping)
    listed = list(dict.fromkeys(listed_in(place, verifier, wanted.mapping, suites)))
    if not listed:
        raise RepositoryError("there are no packages", where=Where(place.name))
    done = Imported(_parts(listed), suites)
    if dry_run:
        return done
    target, base_url = opened(repository), checked_url(base_url)
    found = _inspected(place, listed, platforms, done)
    found = _without_conflicts(target, found, done)
    if done.refused and not wanted.skip_refused:
        raise PackageError(
            f"{len(done.refused)} of {len(listed)} packages are refused, and nothing was changed",
            where=Where(place.name),
            why="\n".join(f"{path}: {why}" for path, why in done.refused.items()),
            hint="take all others: --skip-refused",
        )
    for published in _published(target, found, signer, platforms, base_url, emit):
        done.added += len(published.added)
    return done


def _parts(listed: Iterable[Listed]) -> list[Part]:
    sizes: dict[tuple[str, str], list[int]] = {}
    for each in listed:
        sizes.setdefault((each.channel, each.component), []).append(each.size)
    return [Part(*place, len(many), sum(many)) for place, many in sorted(sizes.items())]


def _inspected(
    place: Place, listed: Sequence[Listed], platforms: Sequence[Platform], done: Imported
) -> list[tuple[Listed, Submission]]:
    """Fetch and read all packages, a few at once."""

    def inspected(each: Listed) -> Submission | str:
        try:
            submission = intake.inspect(place.fetch(each), each.component or layout.COMPONENT)
            if submission.format == intake.RPM:
                trees_for(submission, platforms)
            return submission
        except (PackageError, RepositoryError) as error:
            return _reason(error)

    found = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each, result in zip(listed, pool.map(inspected, listed), strict=True):
            if isinstance(result, Submission):
                found.append((each, result))
            else:
                done.refused[each.path] = result
    return found


def _without_conflicts(
    target: Target, found: Sequence[tuple[Listed, Submission]], done: Imported
) -> list[tuple[Listed, Submission]]:
    """Leave out what has other content than something of its name, there or here."""
    state = load(target)
    components = state.repository.components if state.repository else ()
    components = tuple(dict.fromkeys((*components, *(each.component for each, _ in found))))
    components = tuple(filter(None, components))
    first: dict[str, Digest] = {}
    taken = []
    for each, submission in found:
        known = first.setdefault(submission.key, submission.identity)
        try:
            check_identities([submission], state.channels, components)
        except IdentityConflictError as error:
            done.refused[each.path] = _reason(error)
            continue
        if known == submission.identity:
            taken.append((each, submission))
        else:
            done.refused[each.path] = f"{submission.title} is there twice, with different content"
    return taken


def _published(
    target: Target,
    found: Sequence[tuple[Listed, Submission]],
    signer: Signer,
    platforms: Sequence[Platform],
    base_url: str,
    emit: Emit,
) -> Iterator[Published]:
    channels: dict[str, list[tuple[Listed, Submission]]] = {}
    for each, submission in found:
        channels.setdefault(each.channel, []).append((each, submission))
    for channel, many in channels.items():
        components = tuple(dict.fromkeys(each.component for each, _ in many if each.component))
        submissions = [submission for _, submission in many]
        place = (target, signer, channel, platforms)
        yield publish_inspected(submissions, place, base_url, emit, components, action="import")


def _reason(error: OmnibuildError) -> str:
    return f"{error.what}\n{error.why}" if error.why else error.what
