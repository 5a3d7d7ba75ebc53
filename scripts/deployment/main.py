"""`scripts/deploy`: the forum on AWS, by one command for each thing that people do with it."""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from deployment import commands
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import AGAIN, DeployError, UsageError, in_plain_words
from deployment.progress import Progress
from deployment.session import Aws
from deployment.wanted import sizes
from deployment.wanted.sizes import DEPLOYABLE

LONGEST = 20
# By load balancers, and by capacity providers, which are named after their stack.
TAKEN = ("internal-", "aws", "ecs", "fargate")


class Parser(argparse.ArgumentParser):
    """One whose errors are printed as all others are."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failure, 2 for a wrong argument."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    progress = Progress()
    try:
        options = _parser().parse_args(given)
        outcome: Outcome = options.run(_forum(options, progress), options)
    except DeployError as error:
        outcome = _failure(str(error), 2 if isinstance(error, UsageError) else 1)
    except (BotoCoreError, ClientError) as error:
        outcome = _failure(in_plain_words(error), 1)
    except ResponseParserError as error:
        outcome = _failure(f"What answers is not AWS: {' '.join(str(error).split())[:300]}", 1)
    except KeyboardInterrupt:
        outcome = _failure(f"Stopped. {AGAIN}", 130)
    try:
        _print(outcome, progress, as_json="--json" in given)
    except BrokenPipeError:
        # Whoever read has had enough; Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return outcome.status


def _failure(message: str, status: int) -> Outcome:
    return Outcome({"error": message}, message, status)


def _print(outcome: Outcome, progress: Progress, *, as_json: bool) -> None:
    if as_json:
        spent: dict[str, Any] = {"seconds": round(progress.seconds, 1)}
        if progress.steps:
            spent["steps"] = [{"step": name, "seconds": took} for name, took in progress.steps]
        document = {"ok": outcome.status == 0, **outcome.document, **spent}
        print(json.dumps(document, indent=2, default=str), flush=True)
    elif "error" in outcome.document:
        print(f"scripts/deploy: {outcome.text}", file=sys.stderr, flush=True)
    elif outcome.text:
        print(outcome.text, flush=True)


def _forum(options: argparse.Namespace, progress: Progress) -> Forum:
    aws = Aws(options.region, options.endpoint_url)
    size = sizes.load(options.size) if options.size else None
    return Forum(options.name, aws, size, options.yes, options.address or "", progress)


def _parser() -> Parser:
    parser = Parser(
        prog="scripts/deploy",
        description="The forum on AWS: brought up, looked at, changed, and taken down.",
        epilog="Each command has a --help of its own. docs/deploy.md has the whole walk.",
    )
    _add_everywhere(parser, first=True)
    added = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    everywhere = Parser(add_help=False)
    _add_everywhere(everywhere, first=False)
    for command in commands.COMMANDS:
        each = added.add_parser(
            command.name, parents=[everywhere], help=command.help, description=command.help
        )
        for name, settings in command.arguments.items():
            each.add_argument(name, **settings)
        each.set_defaults(run=command.run)
    return parser


def _add_everywhere(parser: argparse.ArgumentParser, *, first: bool) -> None:
    """What is understood before the command and behind it."""

    def default(value: Any) -> Any:
        # Behind the command nothing may be put in place of what was said before it.
        return value if first else argparse.SUPPRESS

    parser.add_argument("--region", default=default(None), help="such as eu-central-1")
    parser.add_argument(
        "--name",
        type=_name,
        default=default("forum"),
        help="of the forum, where an account has several (forum)",
    )
    parser.add_argument(
        "--size",
        default=default(None),
        help="hobby, team, busy or a .json file like them; what it was last, or hobby",
    )
    parser.add_argument(
        "--address",
        type=_address,
        default=default(None),
        help="where people reach it, such as https://forum.example.org, if there is a domain",
    )
    parser.add_argument(
        "--endpoint-url", type=_address, default=default(None), help="of an emulator of AWS"
    )
    parser.add_argument(
        "--json", action="store_true", default=default(False), help="a document on stdout"
    )
    parser.add_argument(
        "--yes", action="store_true", default=default(False), help="to all questions"
    )


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z](-?[a-z0-9])*", text) or len(text) > LONGEST:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a name: up to {LONGEST} of a-z, 0-9 and single hyphens, the first a"
            " letter, the last no hyphen"
        )
    if text.startswith(TAKEN):
        raise argparse.ArgumentTypeError(
            f"'{text}' begins as AWS lets no name of its kind begin: {', '.join(TAKEN)}"
        )
    # The stack of my-users' data is called as that of the data of users of my; alarms of my-users-2
    # begin as those of users of my.
    if parts := {*DEPLOYABLE, "data"}.intersection(text.split("-")[1:]):
        raise argparse.ArgumentTypeError(
            f"'{text}' has '{parts.pop()}' in it, so it would be taken for a part of another forum"
        )
    return text


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no address such as https://example.org")
    return text
