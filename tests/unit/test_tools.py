"""What external programs see of this machine."""

from omnibuild.tools import Tool


def test_no_program_can_make_the_home_it_is_given() -> None:
    done = Tool("sh", "dash").run("-c", 'mkdir -p "$HOME/.config"; ls -d "$HOME"', check=False)
    assert done.returncode
    assert done.stderr.count(b"No such file or directory") == 2
