"""Where images are pushed, and what is said of one that was not.

The emulator serves a registry, and names another one, of AWS; an image that it does not have it
describes as nothing, where AWS answers with an error.
"""

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ecr

Request = dict[str, Any]
# Status, headers and body, as the emulator makes them.
Answer = Any

_describe = ecr._describe_images
_token = ecr._get_authorization_token


def install(port: int) -> None:
    """Name repositories by the address that the emulator listens on."""
    address = f"127.0.0.1:{port}"

    def token(request: Request) -> Answer:
        status, headers, body = _token(request)
        there = f"https://{ecr.get_account_id()}.dkr.ecr.{ecr.get_region()}.amazonaws.com"
        return status, headers, body.replace(there.encode(), f"http://{address}".encode())

    ecr._repo_uri = lambda name: f"{address}/{name}"
    ecr._get_authorization_token = token
    ecr._describe_images = _describe_or_refuse


def _describe_or_refuse(request: Request) -> Answer:
    answer = _describe(request)
    if request.get("imageIds") and not json.loads(answer[2]).get("imageDetails", True):
        why = f"The image with imageId {request['imageIds'][0]} does not exist"
        return error_response_json("ImageNotFoundException", why)
    return answer
