"""Application Auto Scaling, which the emulator does not have: targets and policies are kept.

Nothing is scaled by them here, as nothing measures. What AWS itself does with the calls is shown
on moto (test_moto.py).
"""

import json
from typing import Any

from ministack import app
from ministack.core import router
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)

# Status, headers and body, as the emulator makes them.
Answer = Any
Request = dict[str, Any]

SERVICE = "application-autoscaling"

_targets = AccountRegionScopedDict()
_policies = AccountRegionScopedDict()


def install() -> None:
    """Let the emulator route to these calls."""
    router.SERVICE_PATTERNS[SERVICE] = {"target_prefixes": ["AnyScaleFrontendService"]}
    app.SERVICE_HANDLERS[SERVICE] = _answer


async def _answer(
    _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
) -> Answer:
    action = headers["x-amz-target"].partition(".")[2]
    return CALLS[action](json.loads(body))


def _arn(kind: str) -> str:
    return f"arn:aws:{SERVICE}:{get_region()}:{get_account_id()}:{kind}"


def _key(request: Request) -> tuple[str, str]:
    return request["ResourceId"], request["ScalableDimension"]


def _missing(what: str, request: Request) -> Answer:
    return error_response_json(
        "ObjectNotFoundException", f"No {what} found for {request['ResourceId']}."
    )


def _register(request: Request) -> Answer:
    known = _targets.get(_key(request), {"ScalableTargetARN": _arn("scalable-target/1")})
    tags = request.pop("Tags", None)
    _targets[_key(request)] = {**known, "CreationTime": 0, **request}
    if tags:
        _targets[_key(request)]["_tags"] = tags
    return json_response({"ScalableTargetARN": known["ScalableTargetARN"]})


def _describe_targets(request: Request) -> Answer:
    wanted = request.get("ResourceIds")
    found = [
        {key: value for key, value in target.items() if not key.startswith("_")}
        for target in _targets.values()
        if wanted is None or target["ResourceId"] in wanted
    ]
    return json_response({"ScalableTargets": found})


def _deregister(request: Request) -> Answer:
    if _targets.pop(_key(request), None) is None:
        return _missing("scalable target", request)
    for key, policy in _policies.items():
        if _key(policy) == _key(request):
            _policies.pop(key)
    return json_response({})


def _put_policy(request: Request) -> Answer:
    if _key(request) not in _targets:
        return _missing("scalable target", request)
    arn = _arn(f"scalingPolicy:{request['ResourceId']}:policyName/{request['PolicyName']}")
    _policies[*_key(request), request["PolicyName"]] = {
        **request,
        "PolicyARN": arn,
        "CreationTime": 0,
        "Alarms": [],
    }
    return json_response({"PolicyARN": arn, "Alarms": []})


def _describe_policies(request: Request) -> Answer:
    wanted = request.get("ResourceId")
    found = [
        policy for policy in _policies.values() if wanted is None or policy["ResourceId"] == wanted
    ]
    return json_response({"ScalingPolicies": found})


def _delete_policy(request: Request) -> Answer:
    if _policies.pop((*_key(request), request["PolicyName"]), None) is None:
        return _missing("scaling policy", request)
    return json_response({})


CALLS = {
    "RegisterScalableTarget": _register,
    "DescribeScalableTargets": _describe_targets,
    "DeregisterScalableTarget": _deregister,
    "PutScalingPolicy": _put_policy,
    "DescribeScalingPolicies": _describe_policies,
    "DeleteScalingPolicy": _delete_policy,
}
