"""Downloading: what is whole stays, what broke off goes on, and nothing from outside is trusted."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ctk.cli.main import cli
from ctk.errors import CtkError, DataError

SLUG = "aml-competition"
BIG = 5 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the data goes."""
    return tmp_path / "data"


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(seed).randbytes(size)


def download(folder: Path) -> list[Path]:
    """The platform's download, as ``ctk data --download`` calls it."""
    from ctk_kaggle.platform import Kaggle

    return list(Kaggle().download(SLUG, folder, lambda what, done, total: None))


def ctk(*arguments: str) -> Result:
    """ctk in this process."""
    return CliRunner().invoke(cli, arguments)


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def sizes(folder: Path) -> list[int]:
    """Bytes of the files that a download in progress has; one may get its whole name between listing and asking."""
    found = []
    for path in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


def sent(kaggle: Any) -> list[str]:
    """The files that the storage was asked for."""
    return [each.name for each in kaggle.asked if each.host == "storage.test"]


# What comes down ------------------------------------------------------------------------------------------------------


def test_ctk_data_finds_what_was_downloaded_and_a_second_call_downloads_nothing(
    kaggle: Any, folder: Path, aml: Path
) -> None:
    for name in ("train/train.npz", "test/test.clean.npz"):  # Kaggle doubles the folders
        kaggle.files[f"{name.split('/')[0]}/{name}"] = (aml / name).read_bytes()
    result = ctk("data", "aml-retrieval", "--download", "--data", str(folder))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "kaggle: fetched 2 files" in result.stdout
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith(("train.npz", "test.clean"))] == [
        "✓",
        "✓",
    ]
    assert files_in(folder) == kaggle.files
    kaggle.asked.clear()
    assert "nothing to fetch" in ctk("data", "aml-retrieval", "--download", "--data", str(folder)).stdout
    assert sent(kaggle) == []


def test_only_what_is_missing_or_of_another_size_is_fetched(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"a.csv": b"a" * 10, "b/b.csv": b"b" * 20, "c.csv": b"c" * 30}
    download(folder)
    kaggle.asked.clear()
    (folder / "b/b.csv").unlink()
    (folder / "c.csv").write_bytes(b"short")
    assert download(folder) == [folder / "b/b.csv", folder / "c.csv"]
    assert sent(kaggle) == ["b/b.csv", "c.csv"]
    assert files_in(folder) == kaggle.files


def test_every_page_of_the_list_is_read(kaggle: Any, folder: Path) -> None:
    kaggle.page = 3
    kaggle.files = {f"{number}.csv": b"%d" % number for number in range(8)}
    download(folder)
    assert files_in(folder) == kaggle.files
    assert kaggle.names().count("ListDataFiles") == 3


def test_a_file_that_is_sent_zipped_is_unpacked(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"part/table.csv": b"1,2,3\n" * 100_000}
    kaggle.zipped = {"part/table.csv"}
    download(folder)
    assert files_in(folder) == kaggle.files
    kaggle.asked.clear()
    assert download(folder) == []
    assert sent(kaggle) == []


def test_a_list_that_has_the_zipped_size_is_taken_too_and_remembered(kaggle: Any, folder: Path) -> None:
    content = b"1,2,3\n" * 1000
    kaggle.files = {"table.csv": content}
    kaggle.zipped = {"table.csv"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("table.csv", (2026, 1, 2, 3, 4, 6)), content, zipfile.ZIP_DEFLATED)
    kaggle.listed = {"table.csv": len(packed.getvalue())}
    download(folder)
    assert (folder / "table.csv").read_bytes() == content
    assert download(folder) == []


def test_an_archive_in_the_list_is_unpacked_into_a_folder_of_its_name_once(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"images.zip": archive_of({"1.png": b"one", "more/2.png": b"two"}), "train.npz": archive_of({})}
    assert download(folder) == [folder / "images", folder / "train.npz"]
    assert (folder / "images/1.png").read_bytes() == b"one"
    assert (folder / "images/more/2.png").read_bytes() == b"two"
    assert not (folder / "images.zip").exists()
    assert (folder / "train.npz").read_bytes() == kaggle.files["train.npz"], "an .npz is data, whatever is in it"
    kaggle.asked.clear()
    assert download(folder) == []
    assert sent(kaggle) == []
    (folder / "images/1.png").unlink()
    assert download(folder) == [folder / "images"]
    assert (folder / "images/1.png").read_bytes() == b"one"


def test_many_files_come_as_one_archive(kaggle: Any, folder: Path) -> None:
    kaggle.page = 200
    kaggle.files = {f"images/{number}.png": noise(100, number) for number in range(60)}
    download(folder)
    assert sent(kaggle) == ["all.zip"]
    assert files_in(folder) == kaggle.files
    for number in range(3):
        (folder / f"images/{number}.png").unlink()
    kaggle.asked.clear()
    download(folder)
    assert sent(kaggle) == ["images/0.png", "images/1.png", "images/2.png"]
    assert files_in(folder) == kaggle.files


def test_what_the_archive_of_all_lacks_is_fetched_alone(kaggle: Any, folder: Path) -> None:
    kaggle.page = 200
    kaggle.files = {f"{number}.csv": b"%d" % number for number in range(60)}
    kaggle.archive = archive_of({name: content for name, content in kaggle.files.items() if name != "7.csv"})
    download(folder)
    assert sent(kaggle) == ["all.zip", "7.csv"]
    assert files_in(folder) == kaggle.files


def test_progress_reaches_its_end_and_never_goes_back(kaggle: Any, folder: Path) -> None:
    from ctk_kaggle.platform import Kaggle

    kaggle.files = {"a.bin": noise(3 << 20), "b.bin": noise(2 << 20)}
    told: list[tuple[str, int, int]] = []
    Kaggle().download(SLUG, folder, lambda *step: told.append(step))
    assert {what for what, _, _ in told} == {"downloading, MB"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (5, 5)
    assert len({done for _, done, _ in told}) >= 4


# What is refused before anything long starts --------------------------------------------------------------------------


def test_rules_not_accepted_is_said_before_a_file_is_fetched(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"train.csv": noise(BIG)}
    kaggle.joined = False
    kaggle.fail("DownloadDataFile", status=403, words="You must accept this competition's rules before you'll be able")
    result = ctk("data", "aml-retrieval", "--download", "--data", str(folder))
    assert result.exit_code == 1
    assert result.stderr == (
        "The rules of aml-competition are not accepted yet.\n"
        "Join it at https://www.kaggle.com/competitions/aml-competition/rules and repeat.\n"
    )
    assert sent(kaggle) == []
    assert not folder.exists()


def test_a_host_may_download_without_having_joined(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"train.csv": b"1"}
    kaggle.joined = False
    download(folder)
    assert files_in(folder) == kaggle.files


def test_no_such_competition_is_said_first(kaggle: Any, folder: Path) -> None:
    from ctk_kaggle.platform import Kaggle

    with pytest.raises(CtkError, match="no competition 'amlcompetition' that you may see"):
        Kaggle().download("amlcompetition", folder, lambda what, done, total: None)
    assert kaggle.names() == ["GetCompetition"]


def test_a_competition_without_files_is_a_sentence(kaggle: Any, folder: Path) -> None:
    with pytest.raises(CtkError, match="has no files to download"):
        download(folder)


def test_a_disk_without_room_is_said_first(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"train.csv": b"1"}
    kaggle.listed = {"train.csv": 10**16}
    with pytest.raises(CtkError, match="GB are free"):
        download(folder)
    assert sent(kaggle) == []


def test_a_folder_that_cannot_be_is_a_sentence(kaggle: Any, tmp_path: Path) -> None:
    kaggle.files = {"train.csv": b"1"}
    (tmp_path / "file").write_text("")
    result = ctk("data", "aml-retrieval", "--download", "--data", str(tmp_path / "file"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_two_downloads_into_one_folder_are_refused(kaggle: Any, folder: Path) -> None:
    from ctk_kaggle.download import _alone

    kaggle.files = {"train.csv": b"1"}
    with _alone(folder), pytest.raises(CtkError, match="another process is downloading into it"):
        download(folder)


# What breaks off goes on ----------------------------------------------------------------------------------------------


def ranges(kaggle: Any) -> list[str | None]:
    """The Range headers that the storage got."""
    return [each.headers.get("Range") for each in kaggle.asked if each.host == "storage.test"]


def test_a_dropped_connection_is_gone_on_with_where_it_broke(kaggle: Any, folder: Path, patience: list[float]) -> None:
    kaggle.files = {"train.npz": noise(BIG)}
    kaggle.fail("train.npz", after=2 << 20)
    download(folder)
    assert files_in(folder) == kaggle.files
    assert ranges(kaggle) == [None, None, f"bytes={2 << 20}-"]
    assert patience == [2.0]


def test_nothing_that_is_not_whole_has_the_files_name(kaggle: Any, folder: Path, patience: list[float]) -> None:
    kaggle.files = {"train.npz": noise(BIG)}
    kaggle.fail("train.npz", after=2 << 20)
    kaggle.fail("train.npz", times=9, status=500)
    with pytest.raises(CtkError, match="storage of files answers 500"):
        download(folder)
    assert not (folder / "train.npz").exists()
    kaggle.faults.clear()
    kaggle.asked.clear()
    download(folder)
    assert ranges(kaggle) == [None, f"bytes={2 << 20}-"], "the answers 500 took nothing of what had come"
    assert files_in(folder) == kaggle.files


def test_a_connection_that_breaks_again_and_again_is_tried_as_long_as_it_brings_something(
    kaggle: Any, folder: Path, patience: list[float]
) -> None:
    from ctk_kaggle.transfer import CHUNK, TRIES

    kaggle.files = {"train.npz": noise(12 * CHUNK)}
    kaggle.fail("train.npz", after=CHUNK + 1)
    for _ in range(9):
        kaggle.fail("rest of train.npz", after=0)
        kaggle.fail("rest of train.npz", after=CHUNK + 1)
    download(folder)
    assert len(patience) == 19 > TRIES
    assert files_in(folder) == kaggle.files


def test_a_connection_that_brings_nothing_more_is_given_up(kaggle: Any, folder: Path, patience: list[float]) -> None:
    kaggle.files = {"train.npz": noise(BIG)}
    kaggle.fail("train.npz", times=50, after=0)
    with pytest.raises(CtkError, match="connection"):
        download(folder)
    assert patience == [2.0, 4.0, 8.0, 16.0]


def test_a_file_that_changed_meanwhile_is_fetched_anew(kaggle: Any, folder: Path, patience: list[float]) -> None:
    kaggle.files = {"train.npz": noise(BIG, seed=1)}

    def replace() -> None:
        kaggle.files["train.npz"] = noise(BIG, seed=2)

    kaggle.fail("train.npz", after=2 << 20, begin=replace)
    download(folder)
    assert files_in(folder) == {"train.npz": noise(BIG, seed=2)}


@pytest.mark.parametrize("lacking", ["ranges", "tags"])
def test_a_server_without_ranges_or_tags_is_asked_from_the_beginning(
    kaggle: Any, folder: Path, patience: list[float], lacking: str
) -> None:
    kaggle.files = {"train.npz": noise(BIG)}
    setattr(kaggle, lacking, False)
    kaggle.fail("train.npz", after=2 << 20)
    download(folder)
    assert files_in(folder) == kaggle.files


def test_too_many_requests_in_the_middle_are_waited_for(kaggle: Any, folder: Path, patience: list[float]) -> None:
    kaggle.files = {"a.csv": b"1", "b.csv": b"2"}
    kaggle.fail("DownloadDataFile", status=429, words="Slow down", headers={"Retry-After": "7"})
    download(folder)
    assert patience == [7.0]
    assert files_in(folder) == kaggle.files


def test_a_wait_longer_than_a_minute_is_left_to_the_user(kaggle: Any, folder: Path, patience: list[float]) -> None:
    kaggle.files = {"a.csv": b"1"}
    kaggle.fail("DownloadDataFile", status=429, words="Slow down", headers={"Retry-After": "3600"})
    with pytest.raises(CtkError, match="It asks to wait 3600 s"):
        download(folder)
    assert patience == []


def test_killed_in_the_middle_it_goes_on(kaggle: Any, folder: Path, tmp_path: Path) -> None:
    kaggle.files = {"a.csv": b"1", "train.npz": noise(40 << 20)}
    command = [sys.executable, "-c", "import sys; from ctk.cli.main import main; main()"]
    command += ["data", "aml-retrieval", "--download", "--data", str(folder)]
    # The server stops half way, so that the process is surely in the middle when it is killed.
    half = 25 << 20
    stop = threading.Event()
    kaggle.fail("train.npz", after=half, begin=lambda: None)
    kaggle.fail("train.npz", after=0, begin=stop.wait)
    own = {
        **os.environ,
        "CTK_CACHE": str(tmp_path / "cache"),
    }  # the next with this one would tell of the kill
    process = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while half not in sizes(folder / ".kaggle"):
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    stop.set()
    kaggle.faults.clear()
    kaggle.asked.clear()
    download(folder)
    assert sent(kaggle) == ["train.npz", "train.npz"]
    assert ranges(kaggle) == [None, f"bytes={half}-"]
    assert files_in(folder) == kaggle.files


# What is not trusted --------------------------------------------------------------------------------------------------


def test_a_size_other_than_listed_is_an_error_and_is_not_kept(kaggle: Any, folder: Path) -> None:
    kaggle.files = {"train.npz": noise(1000)}
    kaggle.listed = {"train.npz": 1001}
    result = ctk("data", "aml-retrieval", "--download", "--data", str(folder))
    assert result.exit_code == 1
    assert result.stderr.startswith("train.npz: Kaggle lists 1,001 bytes and sent 1,000.\nRepeat")
    assert not (folder / "train.npz").exists()
    assert not list(folder.glob(".kaggle/*.part"))


def test_an_archive_of_all_with_another_size_than_listed_is_an_error(kaggle: Any, folder: Path) -> None:
    kaggle.page = 200
    kaggle.files = {f"{number}.csv": b"12" for number in range(60)}
    kaggle.archive = archive_of({**kaggle.files, "7.csv": b"123"})
    with pytest.raises(CtkError, match=r"7\.csv: Kaggle lists 2 bytes and sent 3"):
        download(folder)
    assert not list(folder.glob("*.csv"))


@pytest.mark.parametrize("name", ["../out.csv", "/tmp/out.csv", "a/../../out.csv", "..\\out.csv", "C:/out.csv", ""])
def test_a_listed_name_that_lies_elsewhere_is_refused(kaggle: Any, folder: Path, name: str) -> None:
    kaggle.files = {"good.csv": b"1", name: b"2"}
    with pytest.raises(DataError, match="would lie elsewhere"):
        download(folder)
    assert sent(kaggle) == []


def archive_of(files: dict[str, bytes], mode: int = 0, password: bool = False) -> bytes:
    """A zip archive with these members, each with this file mode."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
            member.flag_bits |= password
    return packed.getvalue()


def nameless() -> bytes:
    """An archive whose directory has an empty name for its member."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", b"1")
        archive.filelist[0].filename = ""
    return packed.getvalue()


def lying(size: int) -> bytes:
    """An archive whose directory says that a member of 100 bytes has another size."""
    packed = bytearray(archive_of({"a.txt": b"a" * 100}))
    for at in (packed.find(b"PK\x01\x02") + 24, 22):
        packed[at : at + 4] = size.to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (archive_of({"ok.txt": b"1", "../out.txt": b"2"}), "would lie elsewhere"),
        (archive_of({"ok.txt": b"1", "/tmp/ctk-out.txt": b"2"}), "would lie elsewhere"),
        (archive_of({"ok.txt": b"1", "..\\out.txt": b"2"}), "would lie elsewhere"),
        (archive_of({"link": b"/etc/passwd"}, stat.S_IFLNK | 0o777), "is a link or a device"),
        (archive_of({"pipe": b""}, stat.S_IFIFO | 0o666), "is a link or a device"),
        (archive_of({"ok.txt": b"1"}, password=True), "needs a password"),
        (nameless(), "names a file '', which would lie elsewhere"),
        (lying(10), "cannot be unpacked"),
        (lying(1000), "cannot be unpacked"),
        (b"PK\x03\x04 and no more", "is no zip archive"),
    ],
    ids=[
        *("parent", "absolute", "backslash", "link", "pipe", "password", "nameless"),
        *("more than said", "less than said", "damaged"),
    ],
)
def test_a_malicious_or_damaged_archive_leaves_nothing_behind(
    kaggle: Any, folder: Path, archive: bytes, said: str
) -> None:
    kaggle.files = {"images.zip": archive, "other.csv": b"1"}
    with pytest.raises(DataError, match=said):
        download(folder)
    assert (folder / "other.csv").read_bytes() == b"1"
    assert not [path for path in (folder / "images").rglob("*") if path.is_file()]
    assert not (folder.parent / "out.txt").exists()
    assert not Path("/tmp/ctk-out.txt").exists()


def test_an_archive_that_unpacks_to_more_than_the_disk_has_is_refused_first(kaggle: Any, folder: Path) -> None:
    member = zipfile.ZipInfo("bomb")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(member, b"0" * 1000, zipfile.ZIP_DEFLATED)
        member.file_size = 1 << 52  # in the directory, as a zip64 size
    kaggle.files = {"images.zip": packed.getvalue()}
    with pytest.raises(CtkError, match=r"Unpacking images\.zip needs 4,503,599\.6 GB"):
        download(folder)
    assert not (folder / "images").exists()


def test_unpacking_that_was_killed_goes_on(kaggle: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctk_kaggle import unzip

    kaggle.files = {"images.zip": archive_of({f"{number}.png": b"%d" % number for number in range(5)})}
    real, seen = unzip._unpack, []

    def killed(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
        seen.append(target.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        real(opened, member, target)

    monkeypatch.setattr(unzip, "_unpack", killed)
    with pytest.raises(KeyboardInterrupt):
        download(folder)
    kaggle.asked.clear()
    download(folder)
    assert sent(kaggle) == []
    assert seen == ["0.png", "1.png", "2.png", "2.png", "3.png", "4.png"]
    assert [path.read_bytes() for path in sorted((folder / "images").iterdir())] == [b"0", b"1", b"2", b"3", b"4"]
