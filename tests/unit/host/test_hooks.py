from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError
from omnibuild.host.hooks import POINTS, check_hooks, load_hooks

from .apps import integrated, recipe


def test_loads_every_point(tmp_path: Path) -> None:
    for point in POINTS:
        (tmp_path / point).write_text(f"echo {point}\n")
    assert load_hooks(tmp_path) == {point: f"echo {point}\n" for point in POINTS}


def test_unknown_name_is_refused_with_a_proposal(tmp_path: Path) -> None:
    (tmp_path / "post-configur").write_text("true\n")
    with pytest.raises(DefinitionError) as caught:
        load_hooks(tmp_path)
    assert "'post-configure'" in caught.value.hint
    assert str(caught.value.where) == str(tmp_path / "post-configur")


def test_a_directory_or_binary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prepare").mkdir()
    with pytest.raises(DefinitionError):
        load_hooks(tmp_path)
    (tmp_path / "prepare").rmdir()
    (tmp_path / "prepare").write_bytes(b"\xff\xfe")
    with pytest.raises(DefinitionError):
        load_hooks(tmp_path)


@pytest.mark.parametrize("first", ["#!/bin/bash", "#!/usr/bin/env python3", "#!/bin/sh\0"])
def test_other_interpreters_are_refused(first: str) -> None:
    with pytest.raises(DefinitionError):
        check_hooks({"purge": f"{first}\ntrue\n"})


def test_what_no_shell_reads_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "pre-remove").write_text("#!/bin/sh\necho bye\nif true; then\n")
    with pytest.raises(DefinitionError, match="'pre-remove' is not shell") as caught:
        load_hooks(tmp_path)
    assert str(caught.value.where).startswith(f"{tmp_path}/pre-remove:")


def test_prepare_needs_a_user() -> None:
    bare = recipe(web=None, commands={"hello": "hello"})
    with pytest.raises(DefinitionError):
        integrated(bare, {"prepare": "true"})


def test_hooks_run_where_they_should() -> None:
    hooks = {point: f"echo hook {point}" for point in POINTS}
    host = integrated(recipe(), hooks)
    deb, rpm = host.scripts["deb"], host.scripts["rpm"]
    assert "echo hook pre-install" in deb["preinst"]
    assert "echo hook pre-install" in rpm["pre"]
    assert "echo hook post-configure" in deb["postinst"]
    assert "echo hook post-configure" in rpm["post"]
    assert "echo hook pre-remove" in deb["prerm"]
    assert "echo hook pre-remove" in rpm["preun"]
    assert "echo hook purge" in deb["postrm"]
    assert not any("hook purge" in text for text in rpm.values())
    assert b"echo hook prepare" in host.files["/opt/shop/libexec/prepare"].content
    assert "env -u SHOP_STATE /opt/shop/libexec/prepare" in deb["postinst"]
