"""Packages that operators install beside an app: made here, so that no index is asked for them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

_PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"
dependencies = {dependencies}

"""
_SPEEDY = """\
[[tool.setuptools.ext-modules]]
name = "speedy"
sources = ["speedy.c"]
"""
_SPEEDY_C = """\
#include <Python.h>
static PyObject *twice(PyObject *self, PyObject *one) { return PyNumber_Add(one, one); }
static PyMethodDef methods[] = {{"twice", twice, METH_O, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "speedy", NULL, -1, methods};
PyMODINIT_FUNC PyInit_speedy(void) { return PyModule_Create(&module); }
"""
_PLUGIN = """\
[project.entry-points."hello.plugins"]
{name} = "{name}"

[tool.setuptools]
py-modules = ["{name}"]
"""


def make_packages(directory: Path) -> Path:
    """Make sources and what builds them; returns the directory, for ``pip --find-links``.

    There is ``speedy``, in C; ``greetings`` and ``picky``, plugins of hello, the latter for
    versions of it below 1.1 alone.
    """
    sdist(directory, "speedy", _SPEEDY, {"speedy.c": _SPEEDY_C})
    sdist(directory, "greetings", _PLUGIN.format(name="greetings"), {"greetings.py": ""})
    plugin = _PLUGIN.format(name="picky")
    sdist(directory, "picky", plugin, {"picky.py": ""}, dependencies=["hello<1.1"])
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*download, "--dest", directory, "setuptools==80.9.0"], check=True)
    return directory


def sdist(
    directory: Path,
    name: str,
    more: str,
    files: dict[str, str],
    dependencies: list[str] | None = None,
) -> None:
    """Write one source distribution."""
    text = _PROJECT.format(name=name, version="1.0", dependencies=dependencies or []) + more
    tree = directory / "trees" / f"{name}-1.0"
    tree.mkdir(parents=True)
    for path, content in {**files, "pyproject.toml": text}.items():
        (tree / path).write_text(content)
    with tarfile.open(directory / f"{name}-1.0.tar.gz", "w:gz") as archive:
        archive.add(tree, f"{name}-1.0")
