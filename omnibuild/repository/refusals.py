"""What is refused before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from omnibuild.digests import Digest
from omnibuild.errors import (
    IdentityConflictError,
    OmnibuildError,
    PackageError,
    RepositoryError,
    UsageError,
    Where,
)
from omnibuild.patterns import regex
from omnibuild.recipe.models import Platform
from omnibuild.repository import intake, layout
from omnibuild.repository.intake import Submission
from omnibuild.repository.routing import trees_for
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.target import Target
from omnibuild.repository.trust import check_key
from omnibuild.signing.signer import Signer

E = TypeVar("E", bound=OmnibuildError)

_BASE_URL = regex(r"(https?://[A-Za-z0-9]|file:///)[A-Za-z0-9._~:/%@+=-]*")
_OWN_DIRECTORIES = (layout.APT, "yum", "keys", layout.DOWNLOADS, layout.PACKAGES)
_OWN_NAMES = (*_OWN_DIRECTORIES, layout.INSTALLER, layout.LANDING_PAGE)


def inspected(
    files: Sequence[Path], platforms: Sequence[Platform], component: str
) -> list[Submission]:
    """Read package files; sidecars among them go with theirs.

    Raises one :class:`PackageError` for all that are none, or that no platform takes.
    """
    layout.check_component(component)
    submissions, refused = [], []
    for path in intake.without_sidecars(files):
        try:
            submission = intake.inspect(path, component)
            if submission.format == intake.RPM:
                trees_for(submission, platforms)
            submissions.append(submission)
        except PackageError as error:
            refused.append(error)
    if refused:
        raise _together(refused)
    if component != layout.COMPONENT and all(each.format != intake.DEB for each in submissions):
        raise UsageError(
            f"there is no .deb for component {component}", hint="leave --component out: it is apt's"
        )
    return submissions


def _together(refused: Sequence[E]) -> E:
    """Return one error that tells all; of a single one, that itself."""
    if len(refused) == 1:
        return refused[0]
    return type(refused[0])(
        f"{len(refused)} files cannot be published",
        why="\n".join(map(str, refused)),
        hint="nothing was published: mend these files, or leave them out",
    )


def check_formats(
    signer: Signer, submissions: Iterable[Submission], channels: Mapping[str, Channel]
) -> None:
    """Raise :class:`SigningKeyError` for rpms that no host could verify with this key."""
    formats = {submission.format for submission in submissions}
    held = any(content.holds_rpms for content in channels.values())
    check_key(signer, rpms=held or intake.RPM in formats)


def check_suites(channel: str, channels: Mapping[str, Channel]) -> None:
    """Raise :class:`UsageError` when a channel has a suite that is another channel's."""
    mine = channels[channel].suites
    for other, content in channels.items():
        for suite in content.suites if other != channel else ():
            if suite in mine:
                raise UsageError(
                    f"{channel} cannot be a channel beside {other}: both would have the suite"
                    f" {suite}",
                    why="some platforms have suites of their own, called after channels",
                    hint="give the channel another name",
                )


def checked_url(base_url: str) -> str:
    """Return the address without a slash at its end; raises :class:`UsageError`."""
    base_url = base_url.rstrip("/")
    if base_url and not _BASE_URL.fullmatch(base_url):
        raise UsageError(
            f"{base_url!r} cannot be the address of a repository",
            hint="it begins with https://, http:// or file:/// and holds no blank, quote or comma",
        )
    return base_url


def opened(repository: Path | str) -> Target:
    """Return the target of a repository, or of an empty place for one; refuses any other."""
    target = open_target(repository)
    if target.exists(layout.HEAD) or target.exists(layout.EARLIER):
        return target
    foreign = [name for name in _OWN_NAMES if target.exists(name)]
    # Somebody else may have begun the repository since.
    if foreign and not target.exists(layout.HEAD):
        raise RepositoryError(
            "the directory holds files that publishing would replace, and is no repository",
            where=Where(target.place()),
            why=f"found {', '.join(foreign)}",
            hint="choose an empty directory; if this was a repository: omnibuild repo repair",
        )
    return target


def existing(repository: Path | str) -> Target:
    """Return the target of what was published to; raises :class:`RepositoryError` for another."""
    target = open_target(repository)
    if target.exists(layout.HEAD) or target.exists(layout.EARLIER):
        return target
    left = [name for name in _OWN_NAMES if target.exists(name)]
    if left:
        raise RepositoryError(
            "this is no repository, or it has lost its state",
            where=Where(target.place()),
            why=f"there is no {layout.HEAD}, and found {', '.join(left)}",
            hint="omnibuild repo repair makes the state again of what hosts see",
        )
    raise RepositoryError("this is no repository", where=Where(target.place()))


def check_not_keyring(names: Iterable[str], repository: str, instead: str) -> None:
    """Raise :class:`UsageError` where somebody says the package of the repository's own keys.

    Args:
        names: of packages.
        repository: its name.
        instead: what to do.
    """
    own = layout.keyring_package(repository)
    if own in names:
        raise UsageError(
            f"{own} brings the repository's keys to hosts, and is in each channel by itself",
            hint=instead,
        )


def check_identities(
    submissions: Iterable[Submission], channels: Mapping[str, Channel], components: Sequence[str]
) -> None:
    """Refuse other bytes for what some channel, or the same call, has in any component already."""
    identities: dict[str, Digest] = {}
    refused = []
    for submission in submissions:
        known = identities.setdefault(submission.key, submission.identity)
        keys = submission.keys(components)
        held = (each.identity(key) for each in channels.values() for key in keys)
        others = [each for each in (known, *held) if each not in ("", submission.identity)]
        if others:
            refused.append(
                IdentityConflictError(
                    f"{submission.title} is published already, with other content",
                    where=Where(str(submission.source)),
                    why=f"published: {others[0]}\noffered:   {submission.identity}",
                    hint="raise the package's revision: hosts take a version for the same for ever",
                )
            )
    if refused:
        raise _together(refused)


def check_components(
    submissions: Iterable[Submission], content: Channel, channel: str, components: Sequence[str]
) -> None:
    """Refuse what a channel holds in another component: hosts would be told of it twice."""
    ledgers = [each for suite in content.suites.values() for each in suite.lists.values()]
    for submission in submissions:
        for key in submission.keys(components)[1:]:
            for deb in filter(None, (ledger.get(key) for ledger in ledgers)):
                component = layout.component_of(deb.path)
                raise UsageError(
                    f"{submission.title} is in component {component} of channel {channel} already",
                    where=Where(str(submission.source)),
                    hint=f"add --component {component}, or take it out of there first: omnibuild"
                    f" remove {submission.name}={submission.version}",
                )
