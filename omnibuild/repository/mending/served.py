"""Signatures that publishing takes for good, or that show a state which is lost otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from omnibuild.repository import layout
from omnibuild.repository.apt.release import signed_text
from omnibuild.repository.mending.evidence import Evidence
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.targets.target import Target
from omnibuild.signing.signer import Signer

_RECORDS = "state/packed"


def mend_signatures(
    target: Target, evidence: Evidence, channels: Mapping[str, Channel], signer: Signer
) -> Iterator[str]:
    """Have what publishing goes on from: yields the paths of what was damaged.

    Publishing compares a tarball's signature with nothing, as that takes reading the tarball; it
    begins anew where there is no InRelease, and cuts pieces as it was recorded.
    """
    for channel in channels.values():
        for item in channel.downloads:
            path = layout.download_path(item.name)
            signature = target.read(f"{path}{layout.SIGNATURE}")
            if target.digest(path) == item.digest and signature:
                with target.local(path) as file:
                    if not evidence.verifier.is_signed_file(file, signature):
                        target.remove(f"{path}{layout.SIGNATURE}")
                        yield f"{path}{layout.SIGNATURE}"
    yield from _mend_suites(
        target, evidence, (s for c in channels.values() for s in c.suites), signer
    )
    _remove_below(target, _RECORDS)


def _mend_suites(
    target: Target, evidence: Evidence, suites: Iterable[str], signer: Signer
) -> Iterator[str]:
    for suite in suites:
        path = f"{layout.suite_directory(suite)}/InRelease"
        release = evidence.release(suite)
        if release and signed_text(target.read(path)) != release:
            target.put(path, signer.sign_cleartext(release))
            yield path


def _remove_below(target: Target, directory: str) -> None:
    for name in target.names(directory):
        path = f"{directory}/{name}"
        _remove_below(target, path)
        target.remove(path)
