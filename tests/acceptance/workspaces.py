"""Small workspaces that go wrong in one way: a component in C, fetched from a local archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = {
    "tiny-1.0/tiny.c": '#include <stdio.h>\nint main(void) { puts("tiny"); return 0; }\n',
    "tiny-1.0/LICENSE": "Do what you like.\n",
}
STEPS = ('mkdir -p "$PREFIX/bin"', '$CC $CFLAGS tiny.c -o "$PREFIX/bin/tiny" $LDFLAGS')


def archive(members: dict[str, str]) -> bytes:
    """Return a tar.gz with these members, which need not be harmless."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(stream.getvalue(), mtime=0)


@dataclass
class Workspace:
    """A workspace with one app, ``tiny``; change it, then write it."""

    base: Path
    steps: tuple[str, ...] = STEPS
    needs: tuple[str, ...] = ()
    build_needs: tuple[str, ...] = ()
    data: bytes = field(default_factory=lambda: archive(SOURCE))
    places: tuple[str, ...] = ()
    sha256: str = ""
    test: str = "$PREFIX/bin/tiny"
    version: str = "1.0"

    def write(self) -> Path:
        """Write the workspace and return its directory."""
        (self.base / "recipes").mkdir(parents=True, exist_ok=True)
        (self.base / "software").mkdir(exist_ok=True)
        source = self.base / "tiny.tar.gz"
        source.write_bytes(self.data)
        (self.base / "recipes/tiny.toml").write_text(self._recipe())
        (self.base / "software/tiny-c.toml").write_text(
            self.software("tiny-c", source.as_uri(), self.sha256)
        )
        return self.base

    def software(self, name: str, place: str, sha256: str = "") -> str:
        """Return the text of a software definition."""
        places = ", ".join(f'"{place}"' for place in (self.places or (place,)))
        steps = ",\n".join(f"'''{step}'''" for step in self.steps)
        return (
            f'name = "{name}"\nversion = "1.0"\nlicense = "MIT"\nlicense-files = ["LICENSE"]\n'
            f"needs = {list(self.needs)}\nbuild-needs = {list(self.build_needs)}\n"
            f"steps = [\n{steps}\n]\ntest = '''{self.test}'''\n\n[source]\n"
            f'sha256 = "{sha256 or hashlib.sha256(self.data).hexdigest()}"\n'
            f"places = [{places}]\n"
        )

    def _recipe(self) -> str:
        return (
            f'[app]\nname = "tiny"\nversion = "{self.version}"\nsummary = "A tiny program"\n'
            'license = "MIT"\nmaintainer = "Tester <tester@example.com>"\n\n'
            '[software]\ntiny-c = "1.0"\n'
        )
