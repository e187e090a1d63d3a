"""Which indexes this machine names: in its environment, and in the settings of uv and pip.

What somebody has set is used, or refused by name: to pass over an index silently would let a
stranger's package take the place of their own. See ``docs/decisions/0046-indexes-of-machines.md``.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnibuild.errors import HostError, Where
from omnibuild.recipe import located
from omnibuild.sources.python.index import index_url, public_index
from omnibuild.sources.python.indexes import Index
from omnibuild.sources.python.project.settings import refuse_of_machine
from omnibuild.transfer.credentials import without_login

OWN = "OMNIBUILD_INDEX_URL"
# Of the same index; what uv reads first is first.
_OF_UV = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_OF_PIP = "PIP_INDEX_URL"
_MORE_OF_UV = ("UV_INDEX", "UV_EXTRA_INDEX_URL")

# Variables that change which files or versions there are, and that uv or pip would obey.
_REFUSED = (
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "PIP_NO_INDEX",
    "UV_CONSTRAINT",
    "UV_BUILD_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE",
    "UV_EXCLUDE_NEWER",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_CONFIG_FILE",
)
_ANSWERS_OF_NO = ("", "0", "false", "no", "off", "n", "f")


@dataclass(frozen=True)
class Machine:
    """The indexes that a machine names.

    Args:
        index: the address of its own: what others call the public one.
        origin: who says so, in words.
        more: others, which are asked before it, in this order.
        unasked: places that pip would look into, and nobody else has.
    """

    index: str
    origin: str
    more: tuple[Index, ...] = ()
    unasked: tuple[str, ...] = ()


def machine_indexes(environment: Mapping[str, str], *, resolving: bool = False) -> Machine:
    """Return the indexes of this machine; uv knows what the public one is called.

    Args:
        environment: where they are looked up, and the directories of settings.
        resolving: versions are to be chosen; to fetch what a digest pins nothing can be wrong with
            how it was chosen.

    Raises:
        HostError: variables or pip's settings contradict each other, or are not obeyed.
        DefinitionError: uv's settings are not.
    """
    own = environment.get(OWN, "").strip()
    # Who names one for omnibuild alone has said all that settings of other tools would.
    uv = (
        []
        if own or _is_on(environment, "UV_NO_CONFIG")
        else list(_uv_settings(environment, resolving))
    )
    pip = {} if own else _pip_settings(environment)
    extra = environment.get("PIP_EXTRA_INDEX_URL") or pip.get("extra-index-url", "")
    links = environment.get("PIP_FIND_LINKS") or pip.get("find-links", "")
    if resolving:
        _refuse(environment, pip, links)
    index, origin = _default(environment, uv, pip, resolving)
    more = [
        _named(word, variable)
        for variable in _MORE_OF_UV
        for word in environment.get(variable, "").split()
    ]
    more += [_named(word, place) for place, words, _ in uv for word in words]
    local = [word for word in extra.split() if word.startswith("file:")]
    more += [_named(w, "pip's extra-index-url") for w in extra.split() if w not in local]
    different = {without_login(each.url): each for each in reversed(more)}
    different.pop(without_login(index), None)
    kept = sorted(different.values(), key=more.index)
    return Machine(index, origin, tuple(kept), (*local, *links.split()))


def _default(
    environment: Mapping[str, str],
    uv: list[tuple[str, list[str], str]],
    pip: Mapping[str, str],
    resolving: bool,
) -> tuple[str, str]:
    """Return the address of the machine's own index, and who says so."""
    if own := environment.get(OWN, "").strip():
        return index_url(own, OWN), OWN
    said = [_OF_PIP] if environment.get(_OF_PIP, "").strip() else []
    said += [name for name in _OF_UV if environment.get(name, "").strip()][:1]
    found = [(_named(environment[name].strip(), name).url, name) for name in said]
    if resolving and len({without_login(url) for url, _ in found}) > 1:
        raise HostError(
            f"{' and '.join(said)} name different indexes",
            why="only one can stand for the public index",
            hint=f"unset one of them, or say which one counts here: {OWN}",
        )
    found += [(_named(word, place).url, place) for place, _, word in uv if word]
    if word := pip.get("index-url", ""):
        found.append((_named(word, "pip's settings").url, "pip's settings"))
    return found[0] if found else (public_index(), "uv, as no setting names another")


def _named(word: str, origin: str) -> Index:
    """Return the index that a word names, as ``NAME=URL`` or by its address alone."""
    name, _, url = word.partition("=")
    if not url or "/" in name or ":" in name:
        name, url = "", word
    return Index(index_url(url, origin), name)


def _refuse(environment: Mapping[str, str], pip: Mapping[str, str], links: str) -> None:
    strategy = environment.get("UV_INDEX_STRATEGY", "")
    if strategy not in ("", "first-index"):
        raise _not_obeyed("UV_INDEX_STRATEGY")
    for variable in _REFUSED:
        if _is_on(environment, variable):
            raise _not_obeyed(variable)
    if _says(pip.get("no-index", "")):
        raise _not_obeyed("`no-index` of pip's settings")
    if any("://" in word and not word.startswith("file:") for word in links.split()):
        raise _not_obeyed("`find-links` of pip's settings")


def _not_obeyed(what: str) -> HostError:
    return HostError(
        f"{what} is set, and `omnibuild lock` does not obey it",
        why="passing over it could pin a stranger's package of the same name",
        hint=f"unset it; UV_INDEX='NAME=URL' adds an index, {OWN} names the one that has all",
    )


def _is_on(environment: Mapping[str, str], variable: str) -> bool:
    return _says(environment.get(variable, ""))


def _says(value: str) -> bool:
    return value.strip().lower() not in _ANSWERS_OF_NO


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home())


def _config_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CONFIG_HOME") or _home(environment) / ".config")


def _config_dirs(environment: Mapping[str, str]) -> list[Path]:
    listed = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return [Path(each) for each in listed.split(os.pathsep) if each]


def _uv_settings(
    environment: Mapping[str, str], resolving: bool
) -> Iterator[tuple[str, list[str], str]]:
    """Yield what uv's own files say, the user's first: where, further indexes, the default one."""
    system = (*_config_dirs(environment), Path("/etc"))
    system_file = next((p for d in system if (p := d / "uv/uv.toml").is_file()), None)
    for path in (_config_home(environment) / "uv/uv.toml", system_file):
        if path is None or not path.is_file():
            continue
        document = located.read(path)
        if resolving:
            refuse_of_machine(document)
        more, default = _indexes_of_uv(document.data)
        yield str(path), more, default


def _indexes_of_uv(data: Mapping[str, Any]) -> tuple[list[str], str]:
    more, default = [], ""
    listed = data.get("index")
    for entry in listed if isinstance(listed, list) else ():
        entry = located.table_at(entry)
        word = "=".join(str(entry[key]) for key in ("name", "url") if key in entry)
        if entry.get("default") is True:
            default = default or word
        elif entry.get("explicit") is not True:
            more.append(word)
    extra = data.get("extra-index-url")
    more += [str(each) for each in extra] if isinstance(extra, list) else []
    return more, default or str(data.get("index-url") or "")


def _pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings for installing, as its files say: of all users, the user, the rest."""
    own = environment.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return {}
    files = [
        *(each / "pip/pip.conf" for each in reversed(_config_dirs(environment))),
        Path("/etc/pip.conf"),
        _home(environment) / ".pip/pip.conf",
        _config_home(environment) / "pip/pip.conf",
        Path(sys.prefix) / "pip.conf",
        *([Path(own)] if own else []),
    ]
    parser = configparser.RawConfigParser()
    for path in files:
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise HostError(
                "pip's settings cannot be read", where=Where(str(path)), why=str(error)
            ) from error
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    return found
