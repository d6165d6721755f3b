"""A machine that has no more room or handles ends a command with code 4 and one line."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dynosaur_etl.cli import main as command_line
from dynosaur_etl.cli.exits import EXIT_TRANSIENT

NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@pytest.mark.parametrize("number", NO_ROOM)
def test_each_way_of_having_no_room(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "app", lambda: _raise(OSError(number, os.strerror(number))))
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == EXIT_TRANSIENT
    assert f"StoreUnavailable: this machine: [Errno {number}]" in capsys.readouterr().err


def test_another_error_of_the_system_stays_unexpected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "app", lambda: _raise(FileNotFoundError(errno.ENOENT, "x")))
    with pytest.raises(FileNotFoundError):
        command_line.main()


def test_a_real_process_without_handles(tmp_path: Path) -> None:
    program = (
        "import sys; from dynosaur_etl.cli import main as c; import resource, os\n"
        "c.app = lambda: [open(sys.argv[1]) for _ in range(99)] and None\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 99))\n"
        "c.main()"
    )
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "file")], capture_output=True, text=True
    )
    assert done.returncode == EXIT_TRANSIENT, done.stderr
    assert "Too many open files" in done.stderr
    assert "Traceback" not in done.stderr


def _raise(error: OSError) -> None:
    raise error
