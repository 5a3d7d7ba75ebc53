"""`deploy exec SERVICE [COMMAND]`: a command, or a shell, in a running task."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence

from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import DeployError
from deployment.steps import services

PLUGIN = "session-manager-plugin"
INSTALL = "Install it: docs.aws.amazon.com, Systems Manager, Install the Session Manager plugin."
# Names the variable that holds the session: a token among the arguments is for all to read.
SESSION = "AWS_SSM_START_SESSION_RESPONSE"
# Up to this one the plugin takes it as an argument alone.
TOO_OLD = (1, 2, 497, 0)


def run(forum: Forum, service: str, command: Sequence[str]) -> Outcome:
    """Hand the terminal to the task, as `aws ecs execute-command` does."""
    _need_plugin()
    services.require(forum, service)
    ecs = forum.aws.ecs
    running = ecs.list_tasks(cluster=forum.name, serviceName=service, desiredStatus="RUNNING")
    if not running["taskArns"]:
        raise DeployError(f"No task of {service} runs.")
    found = ecs.describe_tasks(cluster=forum.name, tasks=running["taskArns"])["tasks"]
    task = next((each for each in found if each["lastStatus"] == "RUNNING"), found[0])
    runtime = next(each["runtimeId"] for each in task["containers"] if each["name"] == service)
    answer = ecs.execute_command(
        cluster=forum.name,
        task=task["taskArn"],
        container=service,
        interactive=True,
        command=shlex.join(command) or "/bin/sh",
    )
    target = f"ecs:{forum.name}_{task['taskArn'].rpartition('/')[2]}_{runtime}"
    arguments = [
        SESSION,
        forum.region,
        "StartSession",
        "",
        json.dumps({"Target": target}),
        ecs.meta.endpoint_url,
    ]
    # Ctrl-C is for the command over there.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        environment = {**os.environ, SESSION: json.dumps(answer["session"])}
        status = subprocess.run([PLUGIN, *arguments], env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return Outcome({"task": task["taskArn"], "status": status}, "", 1 if status else 0)


def _need_plugin() -> None:
    if shutil.which(PLUGIN) is None:
        raise DeployError(
            f"There is no {PLUGIN} here, which ECS Exec needs. Install it: {INSTALL}."
        )
    said = subprocess.run([PLUGIN, "--version"], capture_output=True, text=True, check=False).stdout
    version = said.strip()
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    if numbers <= TOO_OLD:
        raise DeployError(
            f"{PLUGIN} {version or 'of no version'} is too old: it would show the session's token"
            f" to everybody on this machine. {INSTALL}"
        )
