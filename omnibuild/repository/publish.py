"""Publishing: from package files to a repository that hosts can use.

Everything is checked before anything is changed. Then content is written, then the release that
lists it, and the head that names the release: from then on it is published, and readers are shown
it, the few small files that they start from last. Whoever is killed leaves the rest to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.errors import UsageError
from omnibuild.events import ArtifactAdded, Emit, Warned, silent
from omnibuild.provenance.described import built_quickly
from omnibuild.recipe.models import Platform
from omnibuild.repository import layout
from omnibuild.repository.authors import author_of
from omnibuild.repository.draft import Draft, Signed, layered
from omnibuild.repository.indexes import check_clock, completed, show
from omnibuild.repository.intake import Submission
from omnibuild.repository.keys.package import add_keyring_everywhere
from omnibuild.repository.pages import DEFAULT_CHANNEL
from omnibuild.repository.refusals import (
    check_components,
    check_formats,
    check_identities,
    check_not_keyring,
    check_suites,
    checked_url,
    existing,
    inspected,
    opened,
)
from omnibuild.repository.routing import declare_platforms, untaken
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.choice import Choice
from omnibuild.repository.state.entries import YANK, Advisory, yanked
from omnibuild.repository.state.head import Release, Repository, State, load, record_of
from omnibuild.repository.state.removals import load_to_change
from omnibuild.repository.targets.target import Target
from omnibuild.repository.trust import key_warnings
from omnibuild.signing.signer import Signer


class Published(Struct, frozen=True):
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


class Change(Struct, frozen=True):
    """What was done to a channel, in words.

    Args:
        reason: why, if somebody said so.
        origin: the release that it came from: of another channel, or an earlier one.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reason: str = ""
    origin: Digest = ""


def publish(
    files: Sequence[Path],
    repository: Path | str,
    signer: Signer,
    channel: str = DEFAULT_CHANNEL,
    platforms: Sequence[Platform] = (),
    base_url: str = "",
    emit: Emit = silent,
    component: str = layout.COMPONENT,
    advisories: Sequence[Advisory] = (),
) -> Published:
    """Add packages to a channel of the repository; a new directory becomes a repository.

    Args:
        files: ``.deb``, ``.rpm`` and ``.tar.*`` files; their sidecars may be among them.
        repository: a directory that a web server, or anything that serves files, can show;
            ``s3://bucket/prefix?endpoint=https://host&region=r``; or ``ssh://host/directory``.
        signer: the repository's key, always the same one.
        channel: which hosts shall see them: ``stable`` is what hosts follow by default.
        platforms: which hosts there are; they say which suites and trees exist.
        base_url: where hosts find the directory; remembered from then on.
        emit: takes an event for each package that is new.
        component: that of apt's suites in which .deb files are listed; each suite has all.
        advisories: what the rpms among the files mend, for dnf.

    Raises :class:`PackageError`, :class:`IdentityConflictError` or :class:`SigningKeyError`
    before anything is changed.
    """
    layout.check_channel(channel)
    base_url, target = checked_url(base_url), opened(repository)
    submissions = inspected(files, platforms, component)
    _warn_of_quick(submissions, emit)
    place = (target, signer, channel, platforms)
    return publish_inspected(submissions, place, base_url, emit, (component,), advisories)


def publish_inspected(
    submissions: Sequence[Submission],
    place: tuple[Target, Signer, str, Sequence[Platform]],
    base_url: str,
    emit: Emit,
    components: Sequence[str],
    advisories: Sequence[Advisory] = (),
    action: str = "publish",
) -> Published:
    """Do as :func:`publish` with packages that were read already, of some components."""
    target, signer, channel, platforms = place

    def add(state: State, signed: Signed) -> tuple[Repository, Change]:
        record = record_of(state.repository, signer, base_url)
        record.components = tuple(dict.fromkeys((*record.components, *components)))
        _check(submissions, state, channel, signer, record)
        check_clock(target, {channel: state.channel(channel)})
        _warn_of_key(signer, state.repository or record, platforms, emit)
        state = _begin(state, record)
        draft = Draft(state, signer, channel, platforms, signed, layers)
        known = _architectures(draft.content)
        declare_platforms(record, draft.content, channel, platforms)
        check_suites(channel, state.channels)
        draft.sign(submissions)
        for title in untaken(submissions, record):
            told = "no platform has this architecture, and the installer sets up no such hosts"
            emit(Warned(f"{title} is listed; {told}"))
        added = tuple(_add_all(draft, submissions, emit))
        draft.advise(advisories, submissions)
        anew = _architectures(draft.content) != known
        draft.spread_noarch(None if anew else {each.key for each in submissions})
        return record, Change(added=added)

    with layered(submissions, target) as layers:
        return apply(target, signer, channel, action, add, emit)


def remove(
    names: Sequence[str],
    repository: Path | str,
    signer: Signer,
    channel: str = DEFAULT_CHANNEL,
    emit: Emit = silent,
    reason: str = "",
) -> Published:
    """Take packages out of a channel's indexes; their files stay for who is fetching them.

    Args:
        names: ``shop``, or ``shop=1.4`` for one version, or the file name of a tarball.
        repository: where was published to.
        signer: the repository's key.
        channel: the channel that shall not name them any more.
        emit: takes warnings.
        reason: why, which makes it a yank: it is kept in the release.

    Raises :class:`RepositoryError` or :class:`UsageError` before anything is changed.
    """
    choices = list(dict.fromkeys(map(Choice.of, names)))
    target = existing(repository)

    def withdraw(state: State, _: Signed) -> tuple[Repository, Change]:
        record = record_of(state.repository, signer, "")
        said = "omnibuild key drop has hosts trust a key no more"
        check_not_keyring([choice.name for choice in choices], record.name, said)
        removed: dict[str, None] = {}
        for choice in choices:
            found = state.channel(channel).withdraw(choice)
            if not found and choice.name not in removed:
                raise UsageError(
                    f"channel {channel} holds no {choice.said}",
                    hint=f"omnibuild repo list --channel {channel} tells what it holds",
                )
            removed |= dict.fromkeys(found)
        check_clock(target, {channel: state.channel(channel)})
        return record, Change(removed=tuple(removed), reason=reason)

    return apply(target, signer, channel, YANK if reason else "remove", withdraw, emit)


def apply(
    target: Target,
    signer: Signer,
    channel: str,
    action: str,
    change: Callable[[State, Signed], tuple[Repository, Change]],
    emit: Emit,
) -> Published:
    """Change a channel, again when somebody else was faster, and have readers see it."""
    with completed(target, signer, emit), target.scratch() as scratch:
        signed = Signed(scratch)
        while True:
            with target.locked(layout.LOCK, emit):
                state = load_to_change(target, emit)
                record, done = change(state, signed)
                # Who changes nothing has what there is looked through.
                through = not (done.added or done.removed)
                draft = Draft(state, signer, channel, (), signed)
                others = add_keyring_everywhere(draft, record, through=through)
                author, content = author_of(action), state.channel(channel)
                content.note(done.added, yanked(action, done.removed, done.reason, author.time))
                contents = content.contents()
                release = Release(
                    channel=channel,
                    contents=contents,
                    author=author,
                    added=done.added,
                    removed=done.removed,
                    reason=done.reason,
                    origin=done.origin,
                    before=state.releases.get(channel, ""),
                )
                if state.commit(record, {**others, channel: release}):
                    break
        changed = show(target, signer, [channel], emit, through=through)
    return Published(
        channel=channel,
        suites=tuple(sorted(contents.suites)),
        trees=tuple(sorted(contents.trees)),
        added=done.added,
        changed=changed,
        digest=contents.digest,
        removed=done.removed,
    )


def _check(
    submissions: Sequence[Submission],
    state: State,
    channel: str,
    signer: Signer,
    record: Repository,
) -> None:
    names = [submission.name for submission in submissions]
    check_not_keyring(names, record.name, "leave it out: publishing makes it anew")
    check_identities(submissions, state.channels, record.components)
    check_components(submissions, state.channel(channel), channel, record.components)
    check_formats(signer, submissions, state.channels)


def _begin(state: State, record: Repository) -> State:
    """Have a head before anything else: from then on the place belongs to this key."""
    if state.head is None:
        state.commit(record, {})
        state.adopt(load(state.target))
    return state


def _warn_of_key(
    signer: Signer, record: Repository, platforms: Iterable[Platform], emit: Emit
) -> None:
    yum_hosts = any(platform.rpm for platform in platforms)
    for each in signer.all:
        published = record.certificate(each.fingerprint)
        for message in key_warnings(each, published, yum=yum_hosts):
            emit(Warned(message))


def _warn_of_quick(submissions: Iterable[Submission], emit: Emit) -> None:
    for name in dict.fromkeys(built_quickly(each.manifest) for each in submissions):
        if name:
            build = f"omnibuild build {name} --release"
            emit(Warned(f"{name} was built without --release: {build} makes it faster and smaller"))


def _add_all(draft: Draft, submissions: Iterable[Submission], emit: Emit) -> list[str]:
    added = []
    for submission in submissions:
        if draft.add(submission):
            added.append(submission.title)
            size = submission.source.stat().st_size
            emit(ArtifactAdded(str(submission.source), size, submission.identity))
    return added


def _architectures(content: Channel) -> dict[str, tuple[str, ...]]:
    """Return those of the trees: each has a directory."""
    return {tree: index.architectures for tree, index in content.trees.items()}
