from __future__ import annotations

import tomllib

from packaging.pylock import Pylock

from omnibuild.locking.groups import merged
from omnibuild.locking.text import written
from omnibuild.recipe.lock import Record
from tests.unit.locking.test_groups import package


def test_a_file_of_a_package_is_one_line_and_nothing_is_lost() -> None:
    record = Record(app="shop", requires=('lib; python_version > "3"',))
    groups = {"run": [package("lib", "1", "os_name == 'posix'")], "build": [package("lib", "2")]}
    lock = merged(groups, "3.13", record)
    text = written(lock)
    assert Pylock.from_dict(tomllib.loads(text)).to_dict() == tomllib.loads(text)
    assert tomllib.loads(text)["tool"]["omnibuild"]["requires"] == list(record.requires)
    assert written(Pylock.from_dict(tomllib.loads(text))) == text
    (line,) = (line for line in text.splitlines() if 'name = "lib-1-py3-none-any.whl"' in line)
    assert line.endswith(f'hashes = {{sha256 = "{"0" * 64}"}}}},')
    assert "marker = '\"build\" in dependency_groups'\n" in text
