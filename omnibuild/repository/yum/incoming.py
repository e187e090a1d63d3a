"""An rpm on its way into a tree: signed, and said in the words of yum's metadata."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from omnibuild.package.rpm.reader import RpmInfo
from omnibuild.package.rpm.signature import sign_rpm
from omnibuild.repository.intake import Submission, changed_meanwhile
from omnibuild.repository.state.entries import Rpm
from omnibuild.repository.yum.elements import (
    SignedFile,
    filelists_element,
    other_element,
    primary_element,
)
from omnibuild.repository.yum.metadata import compress
from omnibuild.signing.signer import Signer


def signed_rpm(submission: Submission, signed: Path, signer: Signer) -> tuple[Rpm, bytes]:
    """Write the signed package to ``signed``; return its entry, and its file list compressed.

    Raises :class:`PackageError` when the package is not the one that was submitted any more.
    """
    # From there it is copied to its place.
    done = sign_rpm(submission.source, signed, signer.sign_detached, flush=False)
    info = submission.info
    if info is None or done.identity != submission.identity:
        raise changed_meanwhile(submission)
    # The signature moves the header: its place is that in the signed file.
    end = done.start + info.header_end - info.header_start
    info = replace(info, header_start=done.start, header_end=end)
    file = SignedFile(submission.path, done.digest, done.size)
    rpm = rpm_entry(submission, info, file, signer.fingerprint)
    return rpm, compress(filelists_element(info, file.digest))


def rpm_entry(submission: Submission, info: RpmInfo, file: SignedFile, signed_by: str) -> Rpm:
    """Return what is recorded of an rpm as it is served, and signed by that key."""
    return Rpm(
        name=submission.name,
        version=submission.version,
        architecture=submission.architecture,
        summary=info.summary,
        identity=submission.identity,
        digest=file.digest,
        size=file.size,
        path=file.path,
        primary=primary_element(info, file),
        other=other_element(info, file.digest),
        signed_by=signed_by,
        manifest=submission.described,
    )
