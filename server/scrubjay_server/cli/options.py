"""Options that several commands take, and the settings that they make together with the environment."""

import logging
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, TypeVar

import click

from scrubjay.inputs import ALL_SCOPES
from scrubjay.types import Scope
from scrubjay_server.settings import load_settings

F = TypeVar("F", bound=Callable[..., Any])

_FLAGS = "scrubjay.flags"
_SCOPES = [scope.value for scope in Scope]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SCOPES_TOLD = "About the person, of one conversation, or the assistant's own."
scope_option = click.option("--scope", type=click.Choice(_SCOPES), default="user", show_default=True, help=_SCOPES_TOLD)
scope_or_all_option = click.option(
    "--scope", type=click.Choice([ALL_SCOPES, *_SCOPES]), default=ALL_SCOPES, show_default=True, help=_SCOPES_TOLD
)
category_option = click.option("--category", default="", help="Only this one, like preference or project.")
session_option = click.option("--session-id", default="", help="The conversation.")
as_of_option = click.option("--as-of", default="", help="What was true then (ISO 8601).")

entity_option = click.option("--entity", default="", help="Only what is about this person, place or thing, by name.")


def with_settings(command: F) -> F:
    """Give a command the settings as its first argument, and their flags, which go before or after its name."""

    def with_loaded(*arguments: Any, **options: Any) -> Any:
        context = click.get_current_context()
        settings = load_settings(**context.meta.get(_FLAGS, {}))
        logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
        return command(settings, *arguments, **options)

    wrapped: F = update_wrapper(with_loaded, command)  # type: ignore[assignment]  # the same, with more options
    return _with_flags(
        wrapped,
        {
            "--log-level": "DEBUG, INFO, WARNING, ERROR or CRITICAL.",
            "--embedding-model": "A fastembed model name or a folder; by default the bundled model.",
            "--agent-id": "Which assistant's own memories.",
            "--user-id": "Whose memories; by default the system account's.",
            "--data-dir": "Folder of the memories.",
        },
    )


def address_options(command: F) -> F:
    """Give a command the flags that say where a server is reached and who may use it; they are settings as well."""
    return _with_flags(
        command,
        {
            "--rate-per-minute": "How many requests a person may send in a minute.",
            "--tokens-file": "Where the tokens are kept; by default in the data folder.",
            "--public-url": "The address by which clients reach the server, if it is not the one it listens on.",
            "--port": "By default 8765; 0 takes a free one.",
            "--host": "The address to listen on; by default 127.0.0.1, others need tokens.",
        },
    )


def _with_flags(command: F, told_by_name: Mapping[str, str]) -> F:
    wrapped: Any = command
    for name, told in told_by_name.items():
        wrapped = click.option(name, expose_value=False, callback=_note, help=told)(wrapped)
    return wrapped  # type: ignore[no-any-return]  # the same callable with more options


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta.setdefault(_FLAGS, {})[parameter.name] = value
