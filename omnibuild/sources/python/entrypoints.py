"""What can be started of installed files: console scripts and modules."""

from __future__ import annotations

import configparser

from omnibuild.patterns import regex

_MODULE = regex(r"(?P<name>(?:\w+/)*\w+)(?:\.py|(?:\.[\w-]+)?\.so)")


def console_scripts(text: str) -> dict[str, str]:
    """Return the console scripts of an ``entry_points.txt``: name to ``module:function``.

    Raises :class:`ValueError` when it is none.
    """
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    if not parser.has_section("console_scripts"):
        return {}
    # A script may name extras, which are installed or not.
    return {n: v.split("[")[0].strip() for n, v in parser["console_scripts"].items()}


def modules_of(path: str) -> set[str]:
    """Return what can be imported of a file, by its path below a directory of ``sys.path``."""
    found = _MODULE.fullmatch(path)
    if not found:
        return set()
    name = found["name"].replace("/", ".")
    return {name, name.removesuffix(".__init__")}
