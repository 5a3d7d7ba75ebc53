"""Where images are pushed: the emulator serves a registry, and names another one, of AWS."""

from ministack.services import ecr


def install(port: int) -> None:
    """Name repositories by the address that the emulator listens on."""
    address = f"127.0.0.1:{port}"
    ecr._repo_uri = lambda name: f"{address}/{name}"
    token = ecr._get_authorization_token

    def token_for_here(request: dict[str, object]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = token(request)
        aws = f"https://{ecr.get_account_id()}.dkr.ecr.{ecr.get_region()}.amazonaws.com"
        return status, headers, body.replace(aws.encode(), f"http://{address}".encode())

    ecr._get_authorization_token = token_for_here
