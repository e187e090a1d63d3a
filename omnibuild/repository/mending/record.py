"""What is true of all channels, found again in what hosts are given: the installer and the keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

import msgspec

from omnibuild import digests
from omnibuild.errors import RepositoryError, Where
from omnibuild.repository import layout
from omnibuild.repository.apt.release import release_date, valid_until
from omnibuild.repository.clients.systems import HostSystem
from omnibuild.repository.keys.trusted import DAY, TrustedKey, trusted
from omnibuild.repository.mending.evidence import Evidence
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.state.head import Keyring, Repository
from omnibuild.signing.certificate import certificates_in
from omnibuild.signing.signer import Signer

_ASSIGNED = re.compile(r"^(NAME|FORMER_NAMES|TITLE|FINGERPRINT|BASE_URL)=(.*)$", re.MULTILINE)
_SYSTEM = re.compile(
    r"^(?:apt|dnf|user)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|(.*)$", re.MULTILINE
)
_KEY = re.compile(
    "^-----BEGIN PGP PUBLIC KEY BLOCK-----$.*?^-----END PGP PUBLIC KEY BLOCK-----$",
    re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(r"[a-z0-9-]+-([0-9a-f]{8})")
_KEY_FILE = re.compile(r"(.+)\.asc")
_ORIGIN = re.compile(r"^Origin: (.+)$", re.MULTILINE)
_COMPONENTS = re.compile(r"^Components:(.*)$", re.MULTILINE)
_MIRROR = re.compile(r"(.+?)/yum/.+/gen-[0-9]+/\s*")


def record_of_installer(evidence: Evidence, signer: Signer) -> Repository | None:
    """Return what the installer says; nothing when it is not signed by the repository's key.

    Raises :class:`RepositoryError` for the installer of another key's repository.
    """
    target = evidence.target
    script = target.read(layout.INSTALLER)
    signature = target.read(f"{layout.INSTALLER}{layout.SIGNATURE}")
    if not evidence.verifier.is_signed(script, signature):
        return None
    text = script.decode(errors="replace")
    said = {name: " ".join(shlex.split(value)) for name, value in _ASSIGNED.findall(text)}
    name, key = _NAME.fullmatch(said.get("NAME", "")), _KEY.search(text)
    if not name or not key:
        return None
    systems = [
        HostSystem(system, title, architecture, place, glibc)
        for system, architecture, glibc, place, title in _SYSTEM.findall(text)
    ]
    return Repository(
        name=name[0],
        title=said.get("TITLE", ""),
        fingerprint=said.get("FINGERPRINT", ""),
        base_url=said.get("BASE_URL", ""),
        identity=name[1],
        former_names=tuple(said.get("FORMER_NAMES", "").split()),
        systems={f"{each.name}/{each.architecture}": each for each in systems},
        keys=_keys(f"{key[0]}\n".encode(), signer, Where(target.place(layout.INSTALLER))),
        cosigners=tuple(each.fingerprint for each in signer.others),
    )


def record_of_files(evidence: Evidence, suites: Iterable[str], signer: Signer) -> Repository:
    """Return what names of files, indexes and mirrorlists say: which hosts there are, they do not.

    Raises :class:`RepositoryError` when they do not say what the repository is called.
    """
    target = evidence.target
    found = map(_KEY_FILE.fullmatch, target.names("keys"))
    names = {match[1]: target.read(f"keys/{match[0]}") for match in found if match}
    name = next(filter(None, map(_NAME.fullmatch, names)), None)
    if name is None:
        raise RepositoryError(
            "nothing tells what the repository is called",
            where=Where(target.place("keys")),
            why="its state, its signed installer and the files of its keys are gone",
            hint="restore keys/ or install.sh with its signature from a copy, and repair again",
        )
    texts = (evidence.release(suite).decode(errors="replace") for suite in suites)
    origin = next(filter(None, map(_ORIGIN.search, texts)), None)
    return Repository(
        name=name[0],
        title=origin[1] if origin else signer.user_id.partition("<")[0].strip(),
        fingerprint=signer.fingerprint,
        base_url=next(_addresses(evidence), ""),
        identity=name[1],
        former_names=tuple(each for each in sorted(names) if each != name[0]),
        keys=_keys(names[name[0]], signer, Where(target.place("keys"))),
        cosigners=tuple(each.fingerprint for each in signer.others),
    )


def with_suites(record: Repository, evidence: Evidence, suites: Iterable[str]) -> Repository:
    """Return it with what is true of all suites: components, and for how long they are taken."""
    texts = [text for text in map(evidence.release, suites) if text]
    found = (_COMPONENTS.search(text.decode(errors="replace")) for text in texts)
    components = max((each[1].split() for each in found if each), key=len, default=[])
    days = ((valid_until(text) - release_date(text)) // DAY for text in texts)
    return msgspec.structs.replace(
        record,
        components=tuple(components) or record.components,
        valid_days=max((0, *days)),
    )


def _addresses(evidence: Evidence) -> Iterator[str]:
    target = evidence.target
    directories = ["yum"]
    for _ in range(3):
        directories = [f"{each}/{name}" for each in directories for name in target.names(each)]
    for directory in directories:
        match = _MIRROR.fullmatch(target.read(f"{directory}/mirrorlist").decode(errors="replace"))
        if match:
            yield match[1]


def _keys(data: bytes, signer: Signer, where: Where) -> tuple[TrustedKey, ...]:
    """Return what hosts trust: since when those are known that do not sign, nothing tells."""
    try:
        certificates = certificates_in(data, where)
    except RuntimeError:
        certificates = ()
    names = {each.fingerprint for each in certificates}
    signing = {each.fingerprint for each in signer.all}
    known = tuple(
        trusted(each, 0 if each.fingerprint in signing else None) for each in certificates
    )
    added = [each.certificate for each in signer.all if each.fingerprint not in names]
    return (*known, *(trusted(each, 0) for each in added))


def keyring_of(debs: Iterable[Deb], rpms: Iterable[Rpm]) -> Keyring:
    """Return which keyring package there was: the newest that is listed.

    Args:
        debs: those of its name.
        rpms: the same for dnf.
    """
    found = {int(each.version.partition("-")[0]): each.identity for each in debs}
    others = {int(each.version.partition("-")[0]): each.identity for each in rpms}
    serial = max((*found, *others), default=0)
    pair = [found.get(serial, ""), others.get(serial, "")]
    # Without both nothing tells whether it is what would be made now.
    return Keyring(serial, digests.of_json(pair) if all(pair) else "")
