"""Official releases: fetched with their checksums, resumed when interrupted, passed over where unreachable."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed import binaries, build, download, env, provide, release, versions
from tests.testbed.download import ChecksumError, NotAvailableError
from tests.testbed.progress import Progress, TestbedError
from tests.testbed_tests.releasesite import Site, digest, script, serve

QUIET = Progress(quiet=True)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A release site that holds everything, and nothing else to get binaries from."""
    with serve() as running:
        running.publish(versions.pinned())
        for name in release.SITES:
            monkeypatch.setenv(name, running.url)
        monkeypatch.setenv(env.CACHE, str(tmp_path / "cache"))
        monkeypatch.setenv(env.NO_BUILD, "1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv(env.BIN, raising=False)
        monkeypatch.delenv(env.NO_DOWNLOAD, raising=False)
        yield running


def test_releases_are_fetched_verified_and_made_executable(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    provide.control_plane(folder, QUIET)
    assert binaries.absent(folder) == []
    for name in versions.CONTROL_PLANE:
        said = subprocess.run([folder / name], capture_output=True, text=True, check=True)
        assert said.stdout == f"{name}\n"
    assert list((folder / "download").iterdir()) == []


def test_the_second_look_asks_nobody(site: Site) -> None:
    first = binaries.find(QUIET)
    before = len(site.asked)
    assert binaries.find(QUIET) == first
    assert len(site.asked) == before


def test_kubectl_is_fetched_where_path_has_none(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = binaries.find(QUIET)
    assert found.kubectl.read_bytes() == script("kubectl")


@pytest.mark.parametrize("name", ["kube-apiserver", "kwok-linux-amd64", ".tar.gz"])
def test_a_file_that_was_tampered_with_is_refused(site: Site, tmp_path: Path, name: str) -> None:
    path = site.path_of(name)
    site.files[path] = site.files[path][:-1] + b"!"
    with pytest.raises(ChecksumError, match="SHA-256"):
        provide.control_plane(tmp_path, QUIET)
    assert not list(tmp_path.glob(f"**/*{name}*"))


def test_a_missing_file_is_named(site: Site, tmp_path: Path) -> None:
    del site.files[site.path_of("/kube-scheduler")]
    with pytest.raises(TestbedError, match=r"kube-scheduler: HTTP 404.*build: forbidden by"):
        provide.control_plane(tmp_path, QUIET)


def test_a_missing_checksum_is_no_licence_to_go_without(site: Site, tmp_path: Path) -> None:
    del site.files[site.path_of("/kube-scheduler.sha256")]
    with pytest.raises(TestbedError, match=r"sha256: HTTP 404"):
        provide.control_plane(tmp_path, QUIET)


def test_a_transfer_that_breaks_off_is_resumed(site: Site, tmp_path: Path) -> None:
    path = site.path_of("/kube-apiserver")
    site.breaks[path] = [1000, 500]
    provide.control_plane(tmp_path, QUIET)
    assert [wanted for asked, wanted in site.asked if asked == path] == [
        None,
        "bytes=1000-",
        "bytes=1500-",
    ]
    assert (tmp_path / "kube-apiserver").read_bytes() == script("kube-apiserver")


def test_a_later_run_goes_on_where_an_earlier_one_ended(site: Site, tmp_path: Path) -> None:
    path = site.path_of("/kube-apiserver")
    part = tmp_path / "download" / "kube-apiserver.part"
    part.parent.mkdir()
    part.write_bytes(script("kube-apiserver")[:700])
    provide.control_plane(tmp_path, QUIET)
    assert (path, "bytes=700-") in site.asked
    assert (tmp_path / "kube-apiserver").read_bytes() == script("kube-apiserver")


def test_a_part_of_another_file_is_thrown_away(site: Site, tmp_path: Path) -> None:
    part = tmp_path / "file.part"
    part.write_bytes(b"something else entirely")
    content = script("kwok")
    url = site.url + site.path_of("/kwok-linux-amd64")
    download.file(url, tmp_path / "file", digest(content), QUIET)
    assert (tmp_path / "file").read_bytes() == content


def test_a_site_without_ranges_sends_all_again(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.breaks[site.path_of("/kube-apiserver")] = [1000]
    provide.control_plane(tmp_path, QUIET)
    assert (tmp_path / "kube-apiserver").read_bytes() == script("kube-apiserver")


def test_a_site_that_breaks_off_at_once_again_and_again_is_given_up(site: Site, tmp_path: Path) -> None:
    site.breaks[site.path_of("/kwokctl-linux-amd64")] = [10] * 50
    with pytest.raises(TestbedError, match="broke off"):
        provide.control_plane(tmp_path, QUIET)


def test_a_host_that_nobody_answers_for_is_passed_over(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(env.GITHUB_API_URL, "http://host.invalid")
    with pytest.raises(TestbedError, match=r"host\.invalid.*build: forbidden"):
        provide.control_plane(tmp_path, QUIET)


def test_a_host_that_accepts_and_stays_silent_costs_seconds_only(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(env.GITHUB_API_URL, f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(TestbedError, match="timed out"):
            provide.control_plane(tmp_path, QUIET)
    assert time.monotonic() - began < 60


def test_a_forbidden_download_asks_nobody(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(env.NO_DOWNLOAD, "1")
    with pytest.raises(TestbedError, match=f"{env.NO_DOWNLOAD}.*{env.NO_BUILD}"):
        provide.control_plane(tmp_path, QUIET)
    assert site.asked == []


def test_where_releases_are_out_of_reach_the_build_begins(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[Path] = []
    monkeypatch.setattr(build, "build", lambda folder, _: began.append(folder))
    monkeypatch.setenv(env.NO_BUILD, "0")
    site.files.clear()
    provide.control_plane(tmp_path, QUIET)
    assert began == [tmp_path]


def test_a_tampered_release_does_not_lead_to_a_build(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "build", lambda *_: pytest.fail("built instead of refusing"))
    monkeypatch.setenv(env.NO_BUILD, "0")
    site.files[site.path_of("/kwok-linux-amd64")] = b"other"
    with pytest.raises(ChecksumError):
        provide.control_plane(tmp_path, QUIET)


def test_a_checksum_list_without_the_file_is_not_enough(site: Site, tmp_path: Path) -> None:
    site.files[site.path_of("SHA256SUMS")] = b"00  other.tar.gz\n"
    with pytest.raises(NotAvailableError, match="does not list"):
        release.fetch([release.etcd(versions.pinned())], tmp_path, QUIET)


def test_a_named_folder_that_lacks_something_says_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(env.BIN, str(tmp_path))
    with pytest.raises(TestbedError, match="lacks etcd, kube-apiserver"):
        binaries.find(QUIET)
    assert env.BIN in (binaries.absent_everywhere() or "")
