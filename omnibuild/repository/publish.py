"""Publishing: from package files to a repository that hosts can use.

Everything is checked before anything is changed. Then content is written, then the state, then
the indexes, and last the few small files that readers start from. A publisher may be killed at
any moment: readers see the state before or after, and whoever publishes next completes the rest.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import (
    IdentityConflictError,
    RepositoryError,
    UsageError,
    Where,
)
from omnibuild.events import ArtifactAdded, Emit, Warned, silent
from omnibuild.recipe.models import Platform
from omnibuild.repository import intake, layout
from omnibuild.repository.draft import Draft
from omnibuild.repository.indexes import (
    DEFAULT_CHANNEL,
    check_clock,
    publish_indexes,
)
from omnibuild.repository.intake import Submission
from omnibuild.repository.routing import declare_platforms, trees_for
from omnibuild.repository.state import (
    Channel,
    Repository,
    load_channels,
    load_repository,
    record_of,
    save,
)
from omnibuild.repository.target import Target
from omnibuild.repository.trust import check_key, key_warnings
from omnibuild.signing.signer import Signer

_BASE_URL = re.compile(r"(https?://[A-Za-z0-9]|file:///)[A-Za-z0-9._~:/%@+=-]*")
_OWN_DIRECTORIES = (layout.APT, "yum", "keys", layout.DOWNLOADS, layout.PACKAGES)
_OWN_NAMES = (*_OWN_DIRECTORIES, layout.INSTALLER, layout.LANDING_PAGE)


@dataclass(frozen=True)
class Release:
    """One state of a channel, as readers see it.

    Args:
        suites: apt suites of the channel.
        trees: yum trees of the channel.
        added: the packages that this publishing added, as ``shop 1.4-1 (amd64)``.
        removed: the packages that were taken out, in the same words.
        changed: whether readers see anything else than before.
        digest: of all that the channel holds: equal content, equal digest.
    """

    channel: str
    suites: tuple[str, ...]
    trees: tuple[str, ...]
    added: tuple[str, ...]
    changed: bool
    digest: Digest
    removed: tuple[str, ...] = ()


def publish(
    files: Sequence[Path],
    repository: Path,
    signer: Signer,
    channel: str = DEFAULT_CHANNEL,
    platforms: Sequence[Platform] = (),
    base_url: str = "",
    emit: Emit = silent,
) -> Release:
    """Add packages to a channel of the repository; a new directory becomes a repository.

    Args:
        files: ``.deb``, ``.rpm`` and ``.tar.*`` files; their sidecars may be among them.
        repository: a directory that a web server, or anything that serves files, can show.
        signer: the repository's key, always the same one.
        channel: which hosts shall see them: ``stable`` is what hosts follow by default.
        platforms: which hosts there are; they say which suites and trees exist.
        base_url: where hosts find the directory; remembered from then on.
        emit: takes an event for each package that is new.

    Raises :class:`PackageError`, :class:`IdentityConflictError` or :class:`SigningKeyError`
    before anything is changed.
    """
    layout.check_channel(channel)
    base_url = _checked_url(base_url)
    target = Target(repository)
    _check_directory(target)
    submissions = _inspect(files, platforms)
    with target.locked(emit):
        known = load_repository(target)
        record = record_of(known, signer, base_url)
        channels = load_channels(target)
        _check_identities(submissions, channels)
        _check_key(signer, submissions, channels)
        check_clock(target, channels)
        _warn_of_key(signer, target, known or record, platforms, emit)
        channels.setdefault(channel, Channel())
        declare_platforms(record, channels[channel], channel, platforms)
        everywhere = known is not None and known.base_url != record.base_url
        with target.changing() as unfinished:
            # First of all: from here on the directory is a repository, and belongs to this key.
            save(target, layout.REPOSITORY_STATE, record)
            draft = Draft(target, signer, channel, channels, platforms)
            added = _add_all(draft, submissions, emit)
            save(target, layout.channel_state(channel), draft.content)
            shown = channels if everywhere or unfinished else [channel]
            changed = publish_indexes(target, record, channels, shown, signer)
    return _release(channel, draft.content, added, changed=changed)


def remove(
    names: Sequence[str],
    repository: Path,
    signer: Signer,
    channel: str = DEFAULT_CHANNEL,
    emit: Emit = silent,
) -> Release:
    """Take packages out of a channel's indexes; their files stay for who is fetching them.

    Args:
        names: ``shop``, or ``shop=1.4-1`` for one version, or the file name of a tarball.
        repository: a directory that was published to.
        signer: the repository's key.
        channel: the channel that shall not name them any more.
        emit: takes warnings.

    Raises :class:`RepositoryError` or :class:`UsageError` before anything is changed.
    """
    target = Target(repository)
    _check_directory(target)
    if load_repository(target) is None:
        raise RepositoryError("this is no repository", where=Where(str(repository)))
    with target.locked(emit):
        record = record_of(load_repository(target), signer, "")
        channels = load_channels(target)
        content = channels.get(channel, Channel())
        removed = []
        for name in names:
            found = content.withdraw(*name.split("=", 1))
            if not found:
                raise UsageError(
                    f"channel {channel} holds no {name}",
                    hint="versions are written whole, as the landing page shows them",
                )
            removed += found
        check_clock(target, channels)
        with target.changing() as unfinished:
            save(target, layout.REPOSITORY_STATE, record)
            save(target, layout.channel_state(channel), content)
            shown = channels if unfinished else [channel]
            changed = publish_indexes(target, record, channels, shown, signer)
    release = _release(channel, content, [], changed=changed)
    return dataclasses.replace(release, removed=tuple(removed))


def _inspect(files: Sequence[Path], platforms: Sequence[Platform]) -> list[Submission]:
    """Read all files, and refuse an rpm that no platform takes, before anything is changed."""
    submissions = intake.inspect_all(files)
    for submission in submissions:
        if submission.format == intake.RPM:
            trees_for(submission, platforms)
    return submissions


def _check_key(
    signer: Signer, submissions: Iterable[Submission], channels: Mapping[str, Channel]
) -> None:
    formats = {submission.format for submission in submissions}
    held = any(content.rpms for content in channels.values())
    check_key(signer, rpms=held or intake.RPM in formats)


def _warn_of_key(
    signer: Signer, target: Target, record: Repository, platforms: Iterable[Platform], emit: Emit
) -> None:
    published = target.read(layout.key_path(record.name, "gpg"))
    yum_hosts = any(platform.rpm for platform in platforms)
    for message in key_warnings(signer, published, yum=yum_hosts):
        emit(Warned(message))


def _add_all(draft: Draft, submissions: Iterable[Submission], emit: Emit) -> list[str]:
    added = []
    for submission in submissions:
        if draft.add(submission):
            added.append(submission.title)
            size = submission.source.stat().st_size
            emit(ArtifactAdded(str(submission.source), size, submission.identity))
    draft.spread_noarch()
    return added


def _release(channel: str, content: Channel, added: Sequence[str], *, changed: bool) -> Release:
    return Release(
        channel=channel,
        suites=tuple(sorted(content.suites)),
        trees=tuple(sorted(content.trees)),
        added=tuple(added),
        changed=changed,
        digest=digests.of_json(
            {
                "debs": sorted(content.debs),
                "rpms": sorted(content.rpms),
                "downloads": sorted(item.digest for item in content.downloads.values()),
            }
        ),
    )


def _checked_url(base_url: str) -> str:
    base_url = base_url.rstrip("/")
    if base_url and not _BASE_URL.fullmatch(base_url):
        raise UsageError(
            f"{base_url!r} cannot be the address of a repository",
            hint="it begins with https://, http:// or file:/// and holds no blank, quote or comma",
        )
    return base_url


def _check_directory(target: Target) -> None:
    first = target.root.parts[0] if target.root.parts else ""
    if ":" in first:
        raise UsageError(
            f"{target.root} is no directory of this machine, and nothing else can be published to",
            hint="publish to a directory and copy that: all but state/ is what hosts read",
        )
    if target.root.exists() and not target.root.is_dir():
        raise RepositoryError("a repository is a directory", where=Where(str(target.root)))
    if target.read(layout.REPOSITORY_STATE):
        return
    foreign = [name for name in _OWN_NAMES if (target.root / name).exists()]
    if foreign:
        raise RepositoryError(
            "the directory holds files that publishing would replace, and is no repository",
            where=Where(str(target.root)),
            why=f"found {', '.join(foreign)}",
            hint="choose an empty directory",
        )


def _check_identities(submissions: Iterable[Submission], channels: Mapping[str, Channel]) -> None:
    """Refuse other bytes under a path that some channel, or the same call, has already."""
    identities: dict[str, Digest] = {}
    for content in channels.values():
        identities |= {deb.path: deb.digest for deb in content.debs.values()}
        identities |= {rpm.path: rpm.identity for rpm in content.rpms.values()}
        identities |= {
            layout.download_path(item.name): item.digest for item in content.downloads.values()
        }
        identities |= content.withdrawn
    for submission in submissions:
        expected = identities.setdefault(submission.path, submission.identity)
        if expected != submission.identity:
            raise IdentityConflictError(
                f"{submission.title} is published already, with other content",
                where=Where(str(submission.source)),
                why=f"published: {expected}\noffered:   {submission.identity}",
                hint="raise the package's revision: hosts take a version for the same for ever",
            )
