"""From one state of a suite to the next, while readers are anywhere between two of their requests.

apt takes each index by its digest (Acquire-By-Hash), and the digests from InRelease: replacing
that one file is all that hosts notice. Mirror programs know only the plain names, and ask for one
after the other. So InRelease lists Packages.gz and Packages.xz by turns: what one state lists is
not replaced by the next, until readers that began with the old one are done. debmirror needs
Release to fit InRelease, and Release.gpg, where there is one, to fit Release: for a moment Release
lists what both states do, and has no signature of its own beside InRelease's. Decision 34 has the
order of it all, and why no shorter one will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.apt.packing import Known, Packed, cut, dump, load, pack
from omnibuild.repository.apt.release import (
    by_hash,
    release_date,
    release_text,
    row_of,
    rows_of,
    signed_text,
    undated,
)
from omnibuild.repository.apt.suite import Suite
from omnibuild.repository.targets.target import Target
from omnibuild.signing.signer import Signer

# How long readers may take from Release to InRelease, and from there to the indexes.
PAIR_SECONDS = 0.5
INDEX_SECONDS = 2.0
# Readers that hold an older InRelease still find its indexes: so many states per index are kept.
KEPT_STATES = 8
# The forms that a state can list; one is free for the next.
FORMS = (".gz", ".xz")

_CONTENTS = regex(r"[a-z0-9-]+/Contents-[a-z0-9-]+(\.gz|\.xz)?")


def publish_suites(
    target: Target, suites: Iterable[Suite], signer: Signer, now: int, *, renew: bool = False
) -> bool:
    """Bring suites to new states, together; tell whether anything was not so before.

    Also a suite that says what it shall is looked through: what is damaged is written again. With
    ``renew`` it is dated and signed anew.
    """
    switches = [_Switch(target, suite, signer, now, renew) for suite in suites]
    changes = [[switch.bring(), switch.announce()] for switch in switches]
    changes += [[switch.commit()] for switch in switches]
    changes += [[switch.settle()] for switch in switches]
    return any(map(any, changes))


@dataclass(frozen=True)
class _Switch:
    """One suite on its way: brought, announced, committed, settled.

    Args:
        now: seconds since 1970.
        renew: whether what says the same as before gets another date.
    """

    target: Target
    suite: Suite
    signer: Signer
    now: int
    renew: bool

    def bring(self) -> bool:
        """Write what nobody names yet."""
        changed = self._put({by_hash(path, self._rows[path]): data for path, data in self._files})
        listed = {by_hash(path, row) for path, row in rows_of(self._published).items()}
        self.target.retire(self._path(path) for path in listed - self._shelved)
        return changed

    def announce(self) -> bool:
        """Have the form that is free, and Release ready for readers of both states."""
        if not self._replaces:
            return False
        self._put(self._form(self._listed))
        self.target.remove(self._path("Release.gpg"))
        both = {**rows_of(self._published), **self._rows}
        return self.target.put(self._path("Release"), self._text(both))

    def commit(self) -> bool:
        """Replace InRelease, once nobody is left between an older Release and it."""
        if self._replaces:
            self.target.outlast(self._path("Release"), PAIR_SECONDS)
        pointers = {"InRelease": self._message, "Release": self._release}
        return self._put({**self._form(self._listed), **pointers})

    def settle(self) -> bool:
        """Write the rest, once nobody is left who reads by an older InRelease."""
        signature = self.target.read(self._path("Release.gpg"))
        if not self.signer.have_signed(self._release, signature):
            signature = self.signer.sign_together(self._release)
        free = {path: data for form in FORMS for path, data in self._form(form).items()}
        rest = {**free, "Release.gpg": signature}
        if self._published and not self._has(rest):
            self.target.outlast(self._path("InRelease"), INDEX_SECONDS)
        changed = self._put(rest)
        for path, packed in self._packed.items():
            self.target.put(layout.packed_index(self.suite.name, path), dump(packed.record))
        self._drop_old_indexes()
        self._drop_old_states()
        return changed

    @cached_property
    def _packed(self) -> dict[str, Packed]:
        """The Packages files by their path."""
        indexes = self.suite.indexes.items()
        return {path: pack(pieces, self._known(path)) for path, pieces in indexes}

    def _known(self, path: str) -> Known:
        """Return what pieces of a Packages file became when it was last published."""
        record = load(self.target.read(layout.packed_index(self.suite.name, path)))
        forms = (self.target.read(self._path(f"{path}{form}")) for form in FORMS)
        return cut(record, *forms) if record else {}

    @cached_property
    def _published_message(self) -> bytes:
        return self.target.read(self._path("InRelease"))

    @cached_property
    def _published(self) -> bytes:
        return signed_text(self._published_message)

    @cached_property
    def _listed(self) -> str:
        """The form that the new state lists: the published one's when nothing changes."""
        listed = rows_of(self._published)
        used = [form for form in FORMS if any(path.endswith(form) for path in listed)]
        for form in used:
            if undated(self._text(self._rows_in(form))) == undated(self._published):
                return form
        return next((form for form in FORMS if form not in used), FORMS[0])

    def _rows_in(self, form: str) -> Mapping[str, str]:
        plain = {path: f"{each.digest} {each.size}" for path, each in self._packed.items()}
        forms = {path: row_of(data) for path, data in self._form(form).items()}
        return dict(sorted({**plain, **forms}.items()))

    @cached_property
    def _rows(self) -> Mapping[str, str]:
        return self._rows_in(self._listed)

    @property
    def _files(self) -> Iterator[tuple[str, bytes]]:
        """What is served of all that the new state lists: as in Debian, nothing plain."""
        yield from self._form(self._listed).items()

    @property
    def _shelved(self) -> set[str]:
        return {by_hash(path, self._rows[path]) for path, _ in self._files}

    def _form(self, form: str) -> dict[str, bytes]:
        """Return the Packages files in one of the forms."""
        return {
            f"{path}{form}": packed.gzip if form == ".gz" else packed.xz
            for path, packed in self._packed.items()
        }

    @cached_property
    def _release(self) -> bytes:
        text = self._text(self._rows)
        keeps = not self.renew and undated(text) == undated(self._published)
        return self._published if keeps else text

    @cached_property
    def _replaces(self) -> bool:
        """Whether there are readers of a state that ends."""
        return bool(self._published) and self._release != self._published

    @cached_property
    def _message(self) -> bytes:
        message = self._published_message
        if self._release == self._published and self.signer.has_signed_cleartext(message):
            return message
        return self.signer.sign_cleartext(self._release)

    def _text(self, rows: Mapping[str, str]) -> bytes:
        # apt takes a state only when its date is later than that of the state which it has.
        date = max(self.now, release_date(self._published) + 1)
        suite = self.suite
        return release_text(
            suite.name, suite.title, suite.architectures, suite.components, rows, date, suite.valid
        )

    def _path(self, path: str) -> str:
        return f"{layout.suite_directory(self.suite.name)}/{path}"

    def _put(self, files: Mapping[str, bytes]) -> bool:
        return bool(self.target.put_all({self._path(path): data for path, data in files.items()}))

    def _has(self, files: Mapping[str, bytes]) -> bool:
        return all(self.target.says(self._path(path), data) for path, data in files.items())

    @property
    def _published_contents(self) -> Mapping[str, str]:
        """What was listed and may be no more; no path leads elsewhere, whoever wrote it."""
        rows = rows_of(self._published).items()
        return {path: row for path, row in rows if _CONTENTS.fullmatch(path)}

    def _drop_old_indexes(self) -> None:
        """Remove plain names of what the suite has no more."""
        listed = {path.partition(".")[0] for path in self._published_contents}
        for path in listed - self.suite.indexes.keys():
            self.target.remove(layout.packed_index(self.suite.name, path))
            for form in FORMS:
                self.target.remove(self._path(f"{path}{form}"))

    def _drop_old_states(self) -> None:
        before = {by_hash(path, row) for path, row in self._published_contents.items()}
        for shelf in {path.rpartition("/")[0] for path in self._shelved | before}:
            place = self._path(shelf)
            old = [n for n in self.target.names(place) if f"{shelf}/{n}" not in self._shelved]
            self.target.drop_retired(place, old, keep=KEPT_STATES, seconds=self.suite.kept)
