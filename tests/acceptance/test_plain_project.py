"""A project that nothing builds: modules beside their requirements, as many are."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.products import CHECKOUT, omnibuild

RECIPE = """\
[app]
name = "notes"
version = "1.0"
summary = "Notes"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
path = "."

[python]
version = "3.13"
lock = "pylock.toml"

[web]
server = "gunicorn"
app = "site.main:app"

[config]
"/etc/notes/notes.ini" = "notes.ini"
"/etc/notes/secret.ini" = { source = "secret.ini", mode = "0640" }
"""
MAIN = """\
from pathlib import Path
from helper import greet

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [greet(Path(__file__).parent.parent.joinpath("words.txt").read_text()).encode()]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("plain") / "project"
    (project / "pages").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[project]\nname = "notes"\n[tool.uv]\n')
    (project / "omnibuild.toml").write_text(RECIPE.replace("site.main", "pages.main"))
    (project / "pages/main.py").write_text(MAIN)
    (project / "helper.py").write_text("def greet(text): return f'plain {text}'\n")
    (project / "words.txt").write_text("words")
    for name in ("notes.ini", "secret.ini"):
        (project / name).write_text("# configuration\n")
    for name in ("manage.py", "tool"):
        (project / name).write_text(
            "#!/usr/bin/env python3\nimport helper, sys\nprint(helper.greet('tool'))\n"
        )
        (project / name).chmod(0o755)
    # Without what it says of its app, it is a lock as other tools make them.
    lock = (CHECKOUT / "recipes/pylock.hello.toml").read_text().partition("[tool.omnibuild]")[0]
    (project / "pylock.toml").write_text(lock)
    return project


@pytest.fixture(scope="module")
def tree(project: Path) -> Path:
    base = project.parent
    omnibuild("build", project, "-p", "linux", "-p", "debian-12", "-o", base / "dist")
    (tarball,) = (base / "dist").glob("*.tar.zst")
    subprocess.run(["tar", "--zstd", "-xf", tarball, "-C", base], check=True)
    (base / "notes-1.0").rename(base / "moved away")
    return base / "moved away"


def test_its_modules_and_their_files_are_found_wherever_the_app_is(
    tree: Path, tmp_path: Path
) -> None:
    assert (tree / "app/__pycache__").is_dir()
    assert not os.access(tree / "app/manage.py", os.X_OK)
    # What not everybody may read has no copy that everybody may.
    assert (tree / "app/notes.ini").exists()
    assert not (tree / "app/secret.ini").exists()
    done = subprocess.run([tree / "app/tool"], capture_output=True, text=True, check=True)
    assert done.stdout == "plain tool\n"
    words = [tree / "bin/notes-run", "--state", tmp_path / "state", "--listen", "127.0.0.1:18312"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            for _ in range(100):
                page = subprocess.run(
                    ["curl", "-fsS", "http://127.0.0.1:18312/"],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if page.returncode == 0:
                    break
                time.sleep(0.2)
            assert page.stdout == "plain words", (tmp_path / "log").read_text()
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_a_module_that_is_none_is_refused_with_its_line(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "project")
    (tmp_path / "project/pages/late.py").write_text("import helper\n\ndef broken(:\n")
    words = ["build", tmp_path / "project", "-p", "debian-12", "-o", tmp_path / "dist"]
    done = omnibuild(*words, check=False)
    assert done.returncode == 6
    assert "syntax: /opt/notes/app/pages/late.py (of the project notes 1.0): " in done.stderr
    assert "line 3: invalid syntax" in done.stderr
    assert not list((tmp_path / "dist").iterdir())
    with (tmp_path / "project/omnibuild.toml").open("a") as recipe:
        recipe.write('[[audit.waivers]]\ncheck = "syntax"\npath = "/opt/notes/app/pages/late.py"\n')
        recipe.write('reason = "it is read as a template"\n')
    assert "waived: it is read as a template" in omnibuild(*words).stderr
