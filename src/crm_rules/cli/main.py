"""The command `crm-rules`: one parser, one table of commands, one place where errors become sentences.

A command is a module with `HELP`, `add_arguments(parser)` and `run(arguments) -> int`; it is imported
when it is named. Exit codes: 0 fine, 1 findings, 2 input that cannot be used. Whatever a user can
cause ends in a sentence on standard error, never in a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn, Protocol, TextIO, cast

from crm_rules import __version__
from crm_rules.cli.console import UNUSABLE, UsageError, complain, paint, wants_color
from crm_rules.diagnostics import did_you_mean
from crm_rules.errors import CrmRulesError, PolicyError

COMMANDS: Final[dict[str, str]] = {
    "demo": "crm_rules.cli.demo",
    "check": "crm_rules.cli.check",
    "decide": "crm_rules.cli.decide",
    "diff": "crm_rules.cli.diff",
    "changes": "crm_rules.cli.changes",
    "explain": "crm_rules.cli.explain",
    "test": "crm_rules.cli.test",
    "sql": "crm_rules.cli.sql",
    "schema": "crm_rules.cli.schema",
}
INTERRUPTED: Final = 130  # what a shell reports for Ctrl-C
PIPE_CLOSED: Final = 141  # and for a reader that went away, such as `head`


class Command(Protocol):
    """What the module of a command offers."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        """Refuse with a sentence and the way to the help."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        _speak_chinese(stream)
    words = list(sys.argv[1:] if words is None else words)
    try:
        code = run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes again at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    return code


def run(words: Sequence[str]) -> int:
    """Run one command; what cannot be used is said on standard error."""
    try:
        command = next((word for word in words if not word.startswith("-")), None)
        if command is not None and command not in COMMANDS:
            raise UsageError(_unknown(command))
        arguments = build_parser(command).parse_args(words)
        if command is None:
            build_parser(None).print_help(sys.stderr)
            return UNUSABLE
        return int(_module(command).run(arguments))
    except PolicyError as error:
        complain(str(error))
    except CrmRulesError as error:
        _refuse(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        what = f"cannot use `{error.filename}`" if error.filename else "cannot write"
        _refuse(f"{what}: {error.strerror or error}")
    return UNUSABLE


def build_parser(command: str | None) -> Parser:
    """The parser with the named command, or with all of them for the help."""
    parser = Parser(
        prog="crm-rules",
        description="Customer and credit policies written in YAML: decided, explained, checked.",
        epilog="Exit codes: 0 fine, 1 findings, 2 input that cannot be used. Begin with `crm-rules demo`.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"crm-rules {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    for name in COMMANDS if command is None else (command,):
        module = _module(name)
        inner = commands.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False)
        inner.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            default="auto",
            help="colour the output (default: on a terminal)",
        )
        module.add_arguments(inner)
    return parser


def _module(command: str) -> Command:
    """The module of a command."""
    return cast("Command", import_module(COMMANDS[command]))


def _unknown(command: str) -> str:
    """The sentence for a command that does not exist."""
    remedy = did_you_mean(command, COMMANDS) or f"there are {', '.join(COMMANDS)}"
    return f"there is no command `{command}`; {remedy}"


def _refuse(sentence: str) -> None:
    complain(f"{paint('crm-rules:', 'red', color=wants_color('auto', sys.stderr))} {sentence}")


def _speak_chinese(stream: TextIO) -> None:
    """Write UTF-8 to files and pipes; to a terminal its own encoding, and `?` for what that cannot show."""
    if hasattr(stream, "reconfigure"):
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8")
