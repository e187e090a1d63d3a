from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.recipe.models import Debian, Rpm, Tar
from tests.unit.package.samples import DEB, RPM, TAR, sample_payload


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (DEB, "hello_1.4.2-3_amd64.deb"),
        (RPM, "hello-1.4.2-3.x86_64.rpm"),
        (TAR, "hello-1.4.2-linux-x86_64.tar.zst"),
    ],
)
def test_the_form_decides_and_a_checksum_lies_beside(
    tmp_path: Path, form: Debian | Rpm | Tar, name: str
) -> None:
    artifact = write_package(sample_payload(tmp_path / "root"), form, Making(tmp_path / "out"))
    assert artifact.path.name == name
    sidecar = (tmp_path / "out" / f"{name}.sha256").read_text()
    assert sidecar == f"{digests.of_file(artifact.path)}  {name}\n"


def test_no_heavy_library_is_imported_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = "import sys, omnibuild.package.formats; sys.exit('zstandard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
