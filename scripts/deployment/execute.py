"""`deploy exec SERVICE [COMMAND]`: a command, or a shell, in a running task."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence

from deployment import services
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import DeployError

PLUGIN = "session-manager-plugin"


def run(forum: Forum, service: str, command: Sequence[str]) -> Outcome:
    """Hand the terminal to the task, as `aws ecs execute-command` does."""
    if shutil.which(PLUGIN) is None:
        raise DeployError(
            f"There is no {PLUGIN} here, which ECS Exec needs. Install it: docs.aws.amazon.com,"
            " Systems Manager, Install the Session Manager plugin."
        )
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
        json.dumps(answer["session"]),
        forum.region,
        "StartSession",
        "",
        json.dumps({"Target": target}),
        ecs.meta.endpoint_url,
    ]
    # Ctrl-C is for the command over there.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = subprocess.run([PLUGIN, *arguments], check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return Outcome({"task": task["taskArn"], "status": status}, "", 1 if status else 0)
