"""What every command of the command line is registered by, and how its errors come out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec, TypeVar

import typer

from forbear.domain.errors import ForbearError

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED = 130

app = typer.Typer(
    name="forbear",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="See financial stress before a payment is missed, say why, and prove it.",
    epilog="Start with: forbear demo",
)
imports = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring real transactions into a home.")
app.add_typer(imports, name="import")


def command(group: typer.Typer, name: str, examples: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a command that shows examples under its help, and whose own errors come out as one plain line."""

    def register(run: Callable[P, R]) -> Callable[P, R]:
        @wraps(run)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                done = run(*args, **kwargs)
                sys.stdout.flush()
            except ForbearError as error:
                from forbear.apps.console import fail

                fail(error)
            except BrokenPipeError:  # who reads has seen enough
                drop_output()
                raise SystemExit(0) from None
            except OSError as error:
                from forbear.adapters.disk import storage_error
                from forbear.apps.console import fail

                drop_output()
                fail(storage_error(f"cannot use {error.filename or 'the output'}", error))
            except KeyboardInterrupt:
                from forbear.apps.console import complain

                complain("interrupted: what was kept before is intact")
                raise SystemExit(INTERRUPTED) from None
            return done

        lines = (line.strip() for line in examples.strip().splitlines())
        epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
        group.command(name, epilog=epilog)(guarded)
        return run

    return register


def drop_output() -> None:
    """Send what is still buffered nowhere: the interpreter would try once more to write it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
