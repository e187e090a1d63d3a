"""Find every way in which data differs from a model.

msgspec stops at the first error. This walk visits all the data and asks msgspec about each leaf,
so the rules stay in the models and only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType
from msgspec.structs import FieldInfo

from omnibuild.patterns import regex
from omnibuild.recipe.located import Fault, printable
from omnibuild.recipe.positions import Path

_QUOTED_LENGTH = 60

# msgspec speaks JSON, people write TOML.
_KINDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a float",
    "bool": "a boolean",
    "array": "an array",
    "object": "a table",
    "date": "a date",
    "time": "a time",
    "datetime": "a date and time",
}
_UNQUOTED_KINDS = ("int", "float", "bool", "date", "time", "datetime")

_WRONG_TYPE = regex(r"Expected `([^`]+)`, got `(\w+)`")
_WRONG_SIZE = regex(r"Expected `(\w+)`(?: of length)? ([<>]=) (\d+)")
_LIMITS = {"<=": "at most", ">=": "at least"}


def faults(value: Any, annotation: Any, path: Path = ()) -> Iterator[Fault]:
    """Yield all faults of ``value`` against a type annotation, in the order of the data.

    >>> [fault.what for fault in faults({"name": 3}, Web)]
    ['unknown key `name` in [web]', 'missing key `server` in [web]', ...]
    """
    annotation = _meant(value, annotation)
    # One after the other: nobody reads all faults of a file that has thousands.
    inner = _inner_faults(value, plain(annotation), path)
    first = next(inner, None)
    if first is None:
        yield from _own_fault(value, annotation, path)
    else:
        yield first
        yield from inner


def plain(annotation: Any) -> Any:
    """Take ``Annotated`` and an optional ``None`` or ``UNSET`` off an annotation."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return annotation
    members = [each for each in get_args(annotation) if each not in (type(None), UnsetType)]
    optional = len(members) < len(get_args(annotation))
    return plain(members[0]) if optional and len(members) == 1 else annotation


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return what an annotation leaves the choice between: short forms, and a table."""
    kind = plain(annotation)
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (annotation,)


def _meant(value: Any, annotation: Any) -> Any:
    """Return the alternative that a value is meant to be."""
    found = alternatives(annotation)
    wanted = [each for each in found if is_table(plain(each)) == isinstance(value, dict)]
    return wanted[0] if len(found) > 1 and wanted else annotation


def is_table(annotation: Any) -> bool:
    """Tell whether a plain annotation is a model of its own."""
    return isinstance(annotation, type) and issubclass(annotation, Struct)


def _inner_faults(value: Any, kind: Any, path: Path) -> Iterator[Fault]:
    if isinstance(value, dict) and is_table(kind):
        yield from _table_faults(value, kind, path)
    elif isinstance(value, dict) and get_origin(kind) is dict:
        key_type, value_type = get_args(kind)
        for key, item in value.items():
            yield from _own_fault(key, key_type, (*path, key), in_key=True)
            yield from faults(item, value_type, (*path, key))
    elif isinstance(value, list) and get_origin(kind) is tuple:
        for index, item in enumerate(value):
            yield from faults(item, get_args(kind)[0], (*path, index))


def _table_faults(table: dict[str, Any], model: type[Struct], path: Path) -> Iterator[Fault]:
    fields = _fields(model)
    misspelt = set()
    place = f" in [{dotted(path)}]" if path else ""
    for key, value in table.items():
        if key in fields:
            yield from faults(value, fields[key].type, (*path, key))
        elif key in getattr(model, "retired", ()):
            what = f"the key {quoted(key)}{place} is of an earlier version"
            yield Fault((*path, key), what, model.retired[key], in_key=True)  # type: ignore[attr-defined]
        elif model.__struct_config__.forbid_unknown_fields:
            meant = closest(key, fields.keys() - table.keys())
            misspelt.add(meant)
            hint = suggestion(meant) or f"known are {_listed(fields)}"
            if key.isdecimal() and path:
                # `python-3.13 = …` is the table `python-3` with the key `13`.
                hint = f'a name with a dot is written in quotes: "{path[-1]}.{key}"'
            yield Fault((*path, key), f"unknown key {quoted(key)}{place}", hint, in_key=True)
    for key, each in fields.items():
        # One mistake is told once: the misspelt key already says which one is missing.
        if each.required and key not in table and key not in misspelt:
            table_name = f"missing table [{dotted((*path, key))}]"
            key_name = f"missing key {quoted(key)}{place}"
            yield Fault(path, table_name if is_table(plain(each.type)) else key_name)


@cache
def _fields(model: type[Struct]) -> dict[str, FieldInfo]:
    """Return the fields by key; msgspec resolves annotations anew each time it is asked."""
    return {each.encode_name: each for each in msgspec.structs.fields(model)}


def _own_fault(value: Any, annotation: Any, path: Path, *, in_key: bool = False) -> Iterator[Fault]:
    """Yield what msgspec says about the value itself."""
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        message = str(error).rpartition(" - at `")
        what, hint = _in_words(message[0] or message[2], value, annotation)
    else:
        return
    name = f"a key of [{dotted(path[:-1])}]" if in_key else quoted(dotted(path))
    yield Fault(path, f"{name if path else 'this document'} {what}", hint, in_key)


def _in_words(message: str, value: Any, annotation: Any) -> tuple[str, str]:
    """Translate a message of msgspec into what is wrong, and a hint."""
    if wrong := _WRONG_TYPE.match(message):
        wanted, got = wrong[1].removesuffix(" | null"), wrong[2]
        hint = ""
        if wanted == "str" and got in _UNQUOTED_KINDS:
            choices = get_args(only) if get_origin(only := plain(annotation)) is Literal else ()
            hint = f"choose one of {_listed(choices)}" if choices else "put the value in quotes"
        return f"must be {_KINDS.get(wanted, wanted)}, not {_KINDS.get(got, got)}", hint
    if message.startswith("Invalid enum value"):
        choices = get_args(plain(annotation))
        hint = suggestion(closest(value, choices)) or f"choose one of {_listed(choices)}"
        return f"cannot be {quoted(value)}", hint
    if wrong := _WRONG_SIZE.match(message):
        kind, limit, number = wrong.groups()
        return f"must {_size_words(kind, limit, number, value)}", ""
    if "regex" in message:
        return _pattern_words(value, annotation)
    return f"is wrong: {message}", ""


def _size_words(kind: str, limit: str, number: str, value: Any) -> str:
    if kind == "int":
        return f"be {_LIMITS[limit]} {number}"
    if (limit, number) == (">=", "1"):
        return "not be empty"
    unit = "characters" if kind == "str" else "items"
    return f"have {_LIMITS[limit]} {number} {unit}, not {len(value)}"


def _pattern_words(value: str, annotation: Any) -> tuple[str, str]:
    examples = meta(annotation, "examples")
    example = f"write it like {_listed(examples)}; " if examples else ""
    pattern = shown_pattern(meta(annotation, "pattern"))
    return f"cannot be {quoted(value)}", f"{example}it must match `{pattern}`"


def shown_pattern(pattern: str) -> str:
    """Return a pattern as JSON Schema and people write it: ``$`` is the very end of the text."""
    return re.sub(r"\\Z$", "$", pattern)


def meta(annotation: Any, attribute: str) -> Any:
    """Return what the ``Meta`` of an annotation says, the outermost first; None if nothing."""
    notes = (note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, Meta))
    # Annotated[Annotated[T, inner], outer] is flattened to (inner, outer).
    found = [getattr(note, attribute) for note in notes]
    said = next((each for each in reversed(found) if each is not None), None)
    inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if said is None and get_origin(inner) in (Union, UnionType):
        # Of what may be left out, the note is on what it is otherwise.
        members = [each for each in get_args(inner) if each not in (type(None), UnsetType)]
        said = meta(members[0], attribute) if len(members) == 1 else None
    return said


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or ""."""
    from difflib import get_close_matches  # only who mistypes needs it

    return next(iter(get_close_matches(word, sorted(known), 1)), "")


def suggestion(meant: str) -> str:
    """Say that word as a hint; nothing if there is none."""
    return f"did you mean {quoted(meant)}?" if meant else ""


def dotted(path: Path) -> str:
    """Write a path as TOML would, array indexes in brackets: ``web.workers``, ``steps[2]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{key}" if text else key
    return text


def quoted(text: str) -> str:
    """Quote a text of the file for a message: on one line, harmless and not endless."""
    short = text if len(text) <= _QUOTED_LENGTH else f"{text[: _QUOTED_LENGTH - 1]}…"
    return f"`{printable(short)}`"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(map(quoted, words))
