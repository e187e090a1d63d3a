import re
import subprocess

from tests.acceptance.products import CHECKOUT


def test_help_lists_every_target() -> None:
    targets = set()
    for line in (CHECKOUT / "Makefile").read_text().splitlines():
        if found := re.match(r"([a-z][\w. -]*):(?!=)", line):
            targets |= set(found[1].split())
    said = subprocess.run(
        ["make", "--silent", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    listed = dict(re.findall(r"^make (\S+) +(\S.*)$", said, re.MULTILINE))
    assert {"check", "test", "help", "certify-crash"} <= targets
    assert listed.keys() == targets
