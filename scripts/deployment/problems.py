"""What goes wrong in a way that the person who deploys can do something about: one line each."""

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name for what all failed connections are
    CredentialRetrievalError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN = {
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
THROTTLED = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
}
# What a stack answers while another run is at it.
CROSSED = {"ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus"}
AGAIN = "Run the command again: it goes on where it stopped."
LINES: tuple[tuple[tuple[type[BotoCoreError], ...], str], ...] = (
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
        "No AWS credentials: {what}. Sign in first: aws configure, or aws sso login.",
    ),
    (
        (SSOError, TokenRetrievalError),
        "The AWS sign-in has expired: {what}. Sign in again: aws sso login.",
    ),
    ((ProfileNotFound,), "{what}. Set AWS_PROFILE to one that ~/.aws/config has."),
    ((InvalidRegionError,), "{what}. Give a region such as --region eu-central-1."),
    ((ParamValidationError,), "AWS would not take what is in ecs/: {what}."),
    (
        (ConnectionError, HTTPClientError),
        "AWS does not answer: {what}. Check the network and the region. " + AGAIN,
    ),
)


class DeployError(Exception):
    """It cannot go on; the message is one clear line and says what to do."""


class UsageError(DeployError):
    """The command was not understood; exit status 2."""


def in_plain_words(error: BotoCoreError | ClientError) -> str:
    """One line for what botocore raises."""
    if isinstance(error, ClientError):
        return _refused(error)
    what = " ".join(str(error).split()).rstrip(".")
    line = next((line for kinds, line in LINES if isinstance(error, kinds)), "{what}")
    return line.format(what=what)


def _refused(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    message = " ".join(error.response.get("Error", {}).get("Message", "").split())
    if code in EXPIRED:
        return "The AWS credentials have expired. Sign in again (aws sso login), then run it again."
    if code in UNKNOWN:
        return f"AWS does not know these credentials ({code}). Check which profile is in use."
    if code in DENIED:
        named = re.search(r"perform:? ([\w-]+:\w+)", message)
        action = named[1] if named else error.operation_name
        return (
            f"Permission for {action} is missing: {message or code} "
            "`scripts/deploy policy` prints what a deployer needs."
        )
    if code in THROTTLED:
        return _too_much(error.operation_name, code, message)
    if code in CROSSED or "_IN_PROGRESS state" in message:
        return (
            f"Somebody else changes this forum: {error.operation_name} failed: {message} Wait until"
            f" that is over. {AGAIN}"
        )
    return f"{error.operation_name} failed: {code}: {message}"


def _too_much(operation: str, code: str, message: str) -> str:
    """Too fast; or, where tasks have a quota, too many at once."""
    if "vCPU" in message:
        return (
            f"{operation} was refused: {message.rstrip('.')}. `scripts/deploy check` has the"
            f" command that asks AWS for more. {AGAIN}"
        )
    return f"AWS throttles {operation} ({code}), after several tries. {AGAIN}"
