"""Finding a cluster and proving who we are."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stellwerk.cluster.credentials import CredentialError, ExecCredential, TokenFile
from stellwerk.cluster.kubeconfig import ConfigError, discover, from_kubeconfig, in_cluster


def write(path: Path, **parts: Any) -> Path:
    document: dict[str, Any] = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(yaml.safe_dump({**document, **parts}))
    return path


def user(**parts: Any) -> list[dict[str, Any]]:
    return [{"name": "u", "user": parts}]


async def test_the_current_context_is_used(tmp_path: Path) -> None:
    target = from_kubeconfig([write(tmp_path / "config", users=user(token="secret"))])
    assert target.server == "http://127.0.0.1:1"
    assert target.tls is None
    assert target.namespace == "default"
    assert await target.credential.header() == "Bearer secret"


def test_a_context_may_be_named(tmp_path: Path) -> None:
    contexts = [{"name": "there", "context": {"cluster": "c", "namespace": "ns"}}]
    path = write(tmp_path / "config", contexts=contexts)
    assert from_kubeconfig([path], "there").namespace == "ns"
    with pytest.raises(ConfigError, match=r"config: no entry named 'here' under contexts"):
        from_kubeconfig([path])


async def test_of_several_files_the_first_that_sets_a_name_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "first", users=user(token="first"), clusters=[])
    second = write(tmp_path / "second", users=user(token="second"))
    target = from_kubeconfig([first, second])
    assert target.server == "http://127.0.0.1:1"
    assert await target.credential.header() == "Bearer first"


async def test_file_names_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from file\n")
    target = from_kubeconfig([write(tmp_path / "config", users=user(tokenFile="token"))])
    assert await target.credential.header() == "Bearer from file"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "is not a mapping"),
        ("{", "cannot be read"),
        ("{}", "no current-context"),
        ("{current-context: x}", "no entry named 'x' under contexts"),
        ("{current-context: x, contexts: [{name: x, context: {cluster: y}}]}", "no entry named 'y' under clusters"),
        (
            "{current-context: x, contexts: [{name: x, context: {cluster: y}}], clusters: [{name: y, cluster: {}}]}",
            "has no server URL",
        ),
        (
            (
                "{current-context: x, contexts: [{name: x, context: {cluster: y}}], clusters: "
                "[{name: y, cluster: {server: 'https://h', certificate-authority: nowhere}}]}"
            ),
            "certificates for https://h",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why_and_which(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        from_kubeconfig([path])


def test_without_any_configuration_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"no \$KUBECONFIG"):
        discover()
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config")
    assert discover().server == "http://127.0.0.1:1"
    other = write(tmp_path / "other", clusters=[{"name": "c", "cluster": {"server": "http://127.0.0.1:2"}}])
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(other), str(tmp_path / ".kube" / "config")]))
    assert discover().server == "http://127.0.0.1:2"


async def test_a_token_file_is_read_again_when_it_has_aged_or_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    patient, eager = TokenFile(path), TokenFile(path, reread=-1.0)
    assert await patient.header() == await eager.header() == "Bearer one"
    path.write_text("two")
    assert await patient.header() == "Bearer one"
    assert await eager.header() == "Bearer two"
    patient.invalidate()
    assert await patient.header() == "Bearer two"


async def test_a_token_file_that_vanishes_leaves_the_last_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(CredentialError, match="token file"):
        await TokenFile(path).header()
    path.write_text("one")
    source = TokenFile(path, reread=-1.0)
    await source.header()
    path.unlink()
    assert await source.header() == "Bearer one"


def test_a_pod_needs_its_address_and_its_certificates(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KUBERNETES_SERVICE_HOST"):
        in_cluster({}, tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path)


def program(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def test_a_program_gives_the_token_and_runs_again_only_when_it_expires_or_is_refused(tmp_path: Path) -> None:
    command = program(
        tmp_path / "login",
        "import json, os, pathlib\n"
        "count = pathlib.Path(os.environ['COUNT'])\n"
        "times = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(times))\n"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'\n"
        "print(json.dumps({'status': {'token': f'token-{times}', 'expirationTimestamp': '2999-01-01T00:00:00Z'}}))\n",
    )
    env = [{"name": "COUNT", "value": str(tmp_path / "count")}]
    path = write(tmp_path / "config", users=user(exec={"command": command, "env": env, "apiVersion": "v1"}))
    credential = from_kubeconfig([path]).credential
    assert await credential.header() == "Bearer token-1"
    assert await credential.header() == "Bearer token-1"
    credential.invalidate()
    assert await credential.header() == "Bearer token-2"


@pytest.mark.parametrize(
    ("text", "said"),
    [("import sys; sys.exit('please log in')", r"failed \(1\): please log in"), ("print('no json')", "login")],
)
async def test_a_program_that_fails_is_quoted(tmp_path: Path, text: str, said: str) -> None:
    command = program(tmp_path / "login", text)
    with pytest.raises(CredentialError, match=said):
        await ExecCredential({"command": command}, lambda _certificate, _key: None).header()
    with pytest.raises(CredentialError, match="nowhere"):
        await ExecCredential({"command": "/nowhere"}, lambda _certificate, _key: None).header()
