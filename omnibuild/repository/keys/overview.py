"""The keys of a repository as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omnibuild.errors import RepositoryError, Where
from omnibuild.repository.keys.trusted import OVERLAP, TrustedKey, date_of, is_young
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.head import Repository, load
from omnibuild.signing.certificate import name_of
from omnibuild.signing.parts import last_end_of, read_parts


@dataclass(frozen=True)
class KeyRow:
    """A key that the hosts of a repository have.

    Args:
        signs: whether it signs the repository.
        since: when hosts could first get it, as a date; empty: from the beginning.
        expires: when it ends, as a date; empty: never.
        switch_from: from when on it may sign, as hosts had the time to get it; empty: it may.
    """

    fingerprint: str
    user_id: str
    signs: bool
    since: str
    expires: str
    switch_from: str

    @property
    def about(self) -> str:
        """What there is to say of it."""
        return "; ".join(
            text
            for text, there in (
                (f"announced {self.since}", self.since),
                (f"hosts have it by {self.switch_from}", self.switch_from and not self.signs),
                (f"ends {self.expires or 'never'}", True),
            )
            if there
        )


def keys_of(repository: Path | str) -> list[KeyRow]:
    """Return the keys that hosts have; raises :class:`RepositoryError` where no repository is."""
    target = existing(repository)
    record = load(target).repository
    if record is None:
        raise RepositoryError("this is no repository", where=Where(target.place()))
    return [_row(record, key) for key in record.keys]


def _row(record: Repository, key: TrustedKey) -> KeyRow:
    parts = read_parts(key.certificate.encode())
    end = last_end_of(parts)
    young = is_young(key.since)
    return KeyRow(
        key.fingerprint,
        name_of(key.certificate),
        key.fingerprint in record.signers,
        date_of(key.since) if key.since else "",
        f"{end:%Y-%m-%d}" if end else "",
        date_of(key.since + OVERLAP) if young else "",
    )
