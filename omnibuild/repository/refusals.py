"""What is refused before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.errors import IdentityConflictError, RepositoryError, UsageError, Where
from omnibuild.patterns import regex
from omnibuild.repository import intake, layout
from omnibuild.repository.intake import Submission
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.target import Target
from omnibuild.repository.trust import check_key
from omnibuild.signing.signer import Signer

_BASE_URL = regex(r"(https?://[A-Za-z0-9]|file:///)[A-Za-z0-9._~:/%@+=-]*")
_OWN_DIRECTORIES = (layout.APT, "yum", "keys", layout.DOWNLOADS, layout.PACKAGES)
_OWN_NAMES = (*_OWN_DIRECTORIES, layout.INSTALLER, layout.LANDING_PAGE)


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
    target = opened(repository)
    if not target.exists(layout.HEAD) and not target.exists(layout.EARLIER):
        raise RepositoryError("this is no repository", where=Where(target.place()))
    return target


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
    for submission in submissions:
        known = identities.setdefault(submission.key, submission.identity)
        keys = submission.keys(components)
        held = (each.identity(key) for each in channels.values() for key in keys)
        for expected in (known, *held):
            if expected not in ("", submission.identity):
                raise IdentityConflictError(
                    f"{submission.title} is published already, with other content",
                    where=Where(str(submission.source)),
                    why=f"published: {expected}\noffered:   {submission.identity}",
                    hint="raise the package's revision: hosts take a version for the same for ever",
                )


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
