"""The role that ECS has in an account, by its name: that of the emulator ends with `ForEcs`."""

from typing import Any

from ministack.services import iam


def install() -> None:
    """Rename it as it is made."""
    make = iam._IAM_HANDLERS["CreateServiceLinkedRole"]

    def made(asked: Any) -> Any:
        answer = make(asked)
        role = iam._roles.pop("AWSServiceRoleForEcs", None)
        if role:
            name = "AWSServiceRoleForECS"
            arn = f"{role['Arn'].rpartition('/')[0]}/{name}"
            iam._roles[name] = {**role, "RoleName": name, "Arn": arn}
        return answer

    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = made
