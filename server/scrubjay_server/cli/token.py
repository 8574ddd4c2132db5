"""The command token: who may use the server over HTTP."""

import click

from scrubjay.moments import shown
from scrubjay.rights import USUAL_RIGHTS
from scrubjay_server.cli.options import json_option, with_settings
from scrubjay_server.cli.output import show
from scrubjay_server.local import TENANT
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Token, Tokens, lifetime_of, scopes_of


@click.group(short_help="Make, list and revoke tokens for the server over HTTP.")
def token() -> None:
    """Make, list and revoke tokens, with which others use the server over HTTP."""


@token.command()
@click.option("--tenant", default=TENANT, show_default=True, help="The organisation; tenants never see each other.")
@click.option("--user", "user_id", required=True, help="Whose memories.")
@click.option(
    "--scope",
    "scopes",
    default=",".join(sorted(USUAL_RIGHTS)),
    show_default=True,
    help="What it may do, of memory:read, memory:write, memory:erase, agent:write and admin, which includes all.",
)
@click.option("--expires", default="", help="After this time, like 90d or 12h; by default when it is revoked.")
@json_option
@with_settings
def create(settings: Settings, tenant: str, user_id: str, scopes: str, expires: str, as_json: bool) -> None:
    """Make a token and show it, once: only its hash is kept."""
    text, made = Tokens(settings.tokens_path).create(
        tenant=tenant, user_id=user_id, scopes=scopes_of(scopes), lifetime=lifetime_of(expires)
    )
    note = "Keep it now: it is shown once. Send it as `Authorization: Bearer …`."
    show({"token": text, **_shape(made)}, [text, note], as_json=as_json)


@token.command("list")
@json_option
@with_settings
def list_(settings: Settings, as_json: bool) -> None:
    """List the tokens, without their secrets."""
    shapes = [_shape(each) for each in Tokens(settings.tokens_path).listed()]
    show({"tokens": shapes}, [_line(shape) for shape in shapes] or ["There are no tokens."], as_json=as_json)


@token.command(short_help="Make a token worthless, at once.")
@click.argument("token_id")
@json_option
@with_settings
def revoke(settings: Settings, token_id: str, as_json: bool) -> None:
    """Make a token worthless, at once: running servers look again at each request."""
    shape = _shape(Tokens(settings.tokens_path).revoke(token_id))
    show(shape, [f"Revoked: {_line(shape)}"], as_json=as_json)


def _shape(made: Token) -> dict[str, object]:
    return {
        "id": made.id,
        "tenant": made.tenant,
        "user_id": made.user_id,
        "scopes": sorted(made.scopes),
        "created_at": shown(made.created_at),
        "expires_at": shown(made.expires_at),
        "revoked_at": shown(made.revoked_at),
    }


def _line(shape: dict[str, object]) -> str:
    scopes = shape["scopes"]
    listed = ",".join(scopes) if isinstance(scopes, list) else ""
    end = f", revoked {shape['revoked_at']}" if shape["revoked_at"] else ""
    until = f", until {shape['expires_at']}" if shape["expires_at"] else ""
    return f"{shape['id']}: user {shape['user_id']!r} of tenant {shape['tenant']!r}, {listed}{until}{end}"
