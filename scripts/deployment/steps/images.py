"""Images: built only when what enters them has changed, and named by it."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployment.forum import Forum
from deployment.problems import DeployError
from forum.places import ROOT, folder_of

COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)
PLATFORMS = {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}


@dataclass(frozen=True)
class Image:
    """What a service's image is to be; its tag is a digest over all that enters it."""

    service: str
    tag: str
    platform: str
    base: str


def wanted(forum: Forum, service: str) -> Image:
    """The image of the service as it is in this checkout."""
    platform = PLATFORMS[forum.size.architecture]
    content = hashlib.sha256(f"{platform}\0{forum.size.base_image}\0".encode())
    for file in _sources(service):
        name = file.relative_to(ROOT).as_posix()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        content.update(f"{name}\0{digest}\0{os.access(file, os.X_OK)}\0".encode())
    return Image(service, content.hexdigest()[:40], platform, forum.size.base_image)


def digest_in(forum: Forum, repository: str, image: Image) -> str | None:
    """The digest under which the repository holds this image; None where it does not."""
    ecr = forum.aws.ecr
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": image.tag}])
    except (ecr.exceptions.ImageNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        return None
    return next((each["imageDigest"] for each in found["imageDetails"]), None)


def need_docker() -> None:
    """An error in one line where images cannot be built."""
    _docker("version", "--format", "{{.Server.Version}}", failure="Docker does not answer")


def publish(forum: Forum, repository_uri: str, repository: str, image: Image) -> str:
    """Build the image, push it, and give its digest."""
    reference = f"{repository_uri}:{image.tag}"
    forum.say(f"  {image.service}: building {image.tag[:12]} for {image.platform}")
    dockerfile = folder_of(image.service) / "Dockerfile"
    arguments = ["--build-arg", f"VERSION={image.tag[:12]}"]
    if image.base:
        arguments += ["--build-arg", f"BASE_IMAGE={image.base}"]
    _docker(
        "build",
        *("--platform", image.platform, "--provenance=false", "--load", *arguments),
        *("--file", str(dockerfile), "--tag", reference, str(ROOT)),
        failure=f"The image of {image.service} cannot be built",
    )
    forum.say(f"  {image.service}: pushing")
    with _signed_in(forum, repository_uri.partition("/")[0]) as folder:
        _docker(
            "--config",
            folder,
            *("push", "--quiet", reference),
            failure=f"The image of {image.service} cannot be pushed to {repository_uri}",
        )
    digest = digest_in(forum, repository, image)
    if digest is None:
        raise DeployError(f"{reference} was pushed, but {repository} does not have it.")
    return digest


def _sources(service: str) -> Iterator[Path]:
    """What Docker copies into the image: the files of its Dockerfile's COPY lines."""
    dockerfile = folder_of(service) / "Dockerfile"
    yield dockerfile
    ignored = _ignored()
    for sources in COPY.findall(dockerfile.read_text()):
        for source in sources.split():
            path = ROOT / source
            files = [path] if path.is_file() else sorted(path.rglob("*"))
            yield from (file for file in files if file.is_file() and not _matches(file, ignored))


def _ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "!")) and line != "*"]


def _matches(file: Path, patterns: list[str]) -> bool:
    """Whether .dockerignore leaves it out: `**/name` anywhere, another pattern from the root."""
    parts = file.relative_to(ROOT).parts
    heads = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    return any(
        any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        if pattern.startswith("**/")
        else any(fnmatch.fnmatch(head, pattern) for head in heads)
        for pattern in patterns
    )


@contextmanager
def _signed_in(forum: Forum, registry: str) -> Iterator[str]:
    """A Docker configuration with a token for the registry, gone afterwards.

    The person's own configuration never holds it.
    """
    given = forum.aws.ecr.get_authorization_token()["authorizationData"][0]
    auths = {registry: {"auth": given["authorizationToken"]}}
    with tempfile.TemporaryDirectory(prefix="forum-deploy-") as folder:
        (Path(folder) / "config.json").write_text(json.dumps({"auths": auths}))
        yield folder


def _docker(*arguments: str, failure: str) -> str:
    """Run docker, and say the end of what it said where it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=False, env=_environment()
        )
    except FileNotFoundError:
        raise DeployError(f"{failure}: there is no docker command. Install Docker.") from None
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise DeployError("\n    ".join([f"{failure}:", *lines[-12:]]))
    return done.stdout.strip()


@functools.cache
def _environment() -> dict[str, str]:
    """With the host of the person's Docker context: another --config would forget it."""
    done = subprocess.run(
        ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    host = {"DOCKER_HOST": done.stdout.strip()} if done.returncode == 0 else {}
    return {**os.environ, **host}
