"""One way for both readers to say which file is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from omnibuild.errors import PackageError, Where

# What msgspec raises for bytes of others that are no document of a type; deep nesting is the last.
NO_DOCUMENT: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every way in which a package can be unreadable into an error that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise PackageError(
            "there is no such file",
            where=Where(str(path)),
            hint="check its name; shells leave a pattern as it is where nothing fits it",
        ) from error
    except OSError as error:
        raise PackageError(
            f"{path.name} cannot be read", where=Where(str(path)), why=str(error)
        ) from error
    except PackageError as error:
        raise PackageError(
            f"{path.name} is not a package that can be read: {error.what}",
            where=Where(str(path)),
            why=error.why,
            hint=error.hint,
        ) from error
