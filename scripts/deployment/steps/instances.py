"""The instances of the EC2 launch type, which have to go before their stack can."""

from deployment.forum import Forum
from deployment.problems import AGAIN
from deployment.steps import stack_events

SECONDS = 900.0


def end(forum: Forum, stack: str) -> None:
    """End all instances of the stack, with their Auto Scaling group.

    ECS protects them, and nobody takes the protection away from them: CloudFormation alone would
    wait for ever.
    """
    groups = _groups(forum, stack)
    for group in groups:
        forum.say(f"  {group}: ending its instances")
        forum.aws.auto_scaling.delete_auto_scaling_group(
            AutoScalingGroupName=group, ForceDelete=True
        )
    if groups:
        forum.wait_until(
            lambda: not _groups(forum, stack),
            SECONDS,
            f"The instances of {', '.join(groups)} do not end within {SECONDS / 60:.0f} min."
            f" {AGAIN}",
        )


def _groups(forum: Forum, stack: str) -> list[str]:
    """Those of the stack that are really there."""
    if stack_events.look(forum, stack) is None:
        return []
    resources = forum.aws.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    made = [
        resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == "AWS::AutoScaling::AutoScalingGroup"
        and resource.get("PhysicalResourceId")
    ]
    # Without a name, it would be all groups of the account.
    if not made:
        return []
    answer = forum.aws.auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=made)
    return [group["AutoScalingGroupName"] for group in answer["AutoScalingGroups"]]
