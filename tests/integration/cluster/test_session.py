"""A session proves who we are in every supported way, and says truly whether a request can have been carried out."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from stellwerk.cluster import errors
from stellwerk.cluster.kubeconfig import from_kubeconfig, in_cluster
from stellwerk.cluster.session import Request, Session
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, Delay, DropBefore, DropReply, Fault, Hang, Match
from tests.faults.support import ConfigMaps, until
from tests.testbed import identity
from tests.testbed.kubectl import Kubectl
from tests.testbed.plugin import Bed

CREATE = Match(method="POST", path="/configmaps$")


def new(configmaps: ConfigMaps, name: str = "made") -> Request:
    return Request("POST", configmaps.path, b'{"metadata":{"name":"%s"}}' % name.encode())


def exists(configmaps: ConfigMaps, name: str = "made") -> bool:
    return any(item["metadata"]["name"] == name for item in configmaps.api.get(configmaps.path)["items"])


async def who_am_i(session: Session) -> str:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = await session.send(Request("POST", path, b"{}"))
    name: str = json.loads(answer.body)["status"]["userInfo"]["username"]
    return name


async def test_certificates_in_files_and_in_the_kubeconfig_itself_both_work(testbed: Bed, tmp_path: Path) -> None:
    document = yaml.safe_load(testbed.kubeconfig.read_text())
    for section, part in (("clusters", "cluster"), ("users", "user")):
        body = document[section][0][part]
        for key in [key for key in body if key in ("certificate-authority", "client-certificate", "client-key")]:
            raw = (testbed.kubeconfig.parent / body.pop(key)).read_bytes()
            body[f"{key}-data"] = base64.b64encode(raw).decode()
    inline = tmp_path / "inline"
    inline.write_text(yaml.safe_dump(document))
    names = set()
    for path in (testbed.kubeconfig, inline):
        async with Session(from_kubeconfig([path])) as session:
            names.add(await who_am_i(session))
    assert len(names) == 1


async def test_a_pod_uses_its_service_account_and_a_renewed_token_without_a_restart(
    testbed: Bed, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    for name in ("old", "new"):
        identity.service_account(kubectl, namespace, name)
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "namespace").write_text(namespace)
    (folder / "token").write_text(identity.token(kubectl, namespace, "old"))
    cluster = yaml.safe_load(testbed.kubeconfig.read_text())["clusters"][0]["cluster"]
    shutil.copy(testbed.kubeconfig.parent / cluster["certificate-authority"], folder / "ca.crt")
    host, _, port = cluster["server"].removeprefix("https://").partition(":")
    target = in_cluster({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, folder)
    assert target.namespace == namespace
    async with Session(target) as session:
        assert await who_am_i(session) == f"system:serviceaccount:{namespace}:old"
        (folder / "token").write_text("revoked")
        target.credential.invalidate()
        with pytest.raises(errors.Unauthorized):
            await who_am_i(session)
        (folder / "token").write_text(identity.token(kubectl, namespace, "new"))
        assert await who_am_i(session) == f"system:serviceaccount:{namespace}:new"


async def test_a_certificate_of_another_authority_is_refused(testbed: Bed, tmp_path: Path) -> None:
    document = yaml.safe_load(testbed.kubeconfig.read_text())
    cluster = document["clusters"][0]["cluster"]
    document["users"] = [{"name": document["users"][0]["name"], "user": {}}]
    del cluster["certificate-authority"]
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(document))
    async with Session(from_kubeconfig([path])) as session:
        with pytest.raises(errors.Unreachable, match=r"(?i)certificate"):
            await session.get("/version")


async def test_missing_rights_are_told_apart_from_a_missing_object(
    testbed: Bed, namespace: str, act_as: Callable[[str], Path]
) -> None:
    async with Session(from_kubeconfig([act_as("view")])) as session:
        with pytest.raises(errors.NotFound):
            await session.get(f"/api/v1/namespaces/{namespace}/configmaps/none")
        with pytest.raises(errors.Forbidden, match="cannot list resource"):
            await session.get("/api/v1/nodes")


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (DropBefore(), errors.OutcomeUnknown),
        (DropReply(), errors.OutcomeUnknown),
        (Answer(500), errors.ServerError),
        (Answer(429), errors.Throttled),
        (Answer(401), errors.Unauthorized),
    ],
)
async def test_a_failed_write_says_whether_it_can_have_been_carried_out(
    session: Session,
    proxy: FaultProxy,
    configmaps: ConfigMaps,
    effect: Answer | DropBefore | DropReply,
    kind: type[errors.ApiError],
) -> None:
    proxy.inject(Fault(CREATE, effect, times=1))
    with pytest.raises(errors.ApiError) as raised:
        await session.send(new(configmaps))
    assert type(raised.value) is kind
    assert exists(configmaps) is isinstance(effect, DropReply)
    assert len(proxy.requests(CREATE)) == 1, "a write is never repeated behind the caller's back"


async def test_a_refused_connection_is_surely_not_carried_out(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    proxy.refuse()
    with pytest.raises(errors.Unreachable):
        await session.send(new(configmaps))
    assert not exists(configmaps)


@pytest.mark.parametrize("effect", [Hang(forward=True), Delay(600)])
async def test_a_request_without_an_answer_ends_at_its_limit(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps, effect: Hang | Delay
) -> None:
    hung = proxy.inject(Fault(CREATE, effect))
    began = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        await session.send(new(configmaps), limit=2.0)
    assert 2.0 <= time.monotonic() - began < 60
    assert hung.hits == 1


async def test_a_slow_list_does_not_hold_up_a_write(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    proxy.inject(Fault(Match(method="GET", path="/configmaps$"), Hang()))
    lists = [asyncio.create_task(session.get(configmaps.path, limit=300)) for _ in range(50)]
    await until(lambda: len(proxy.requests(Match(method="GET", path="/configmaps$"))) == 50)
    await session.send(new(configmaps))
    assert exists(configmaps)
    assert not any(task.done() for task in lists)
    for task in lists:
        task.cancel()
    await asyncio.gather(*lists, return_exceptions=True)
