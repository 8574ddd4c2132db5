"""The memory of the local person, as the settings say: what the server and the commands share. It knows no MCP."""

from collections.abc import Callable
from datetime import timedelta

from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.types import Caller, Owner
from scrubjay_server.settings import Settings

TENANT = "local"


def build_memory(settings: Settings, *, origin: str, maintenance: bool = False) -> Memory:
    """Return the engine's façade as the settings say; imports LanceDB, loads no weights yet.

    With `maintenance` it looks after the data folder by itself, which what soon ends leaves to others.
    """
    return Memory(
        settings.folder,
        embedder=FastembedEmbedder(settings.embedding_model),
        tenant=TENANT,
        session_ttl=timedelta(hours=settings.session_ttl_hours),
        origin=origin,
        extractor=settings.extractor,
        model=settings.model,
        extract_timeout_s=settings.extract_timeout_s,
        add_wait_s=settings.add_wait_s,
        maintenance=maintenance,
    )


def locally_served(settings: Settings) -> Callable[[Owner], bool]:
    """Return what tells whether an owner is the local person, or an assistant of theirs."""
    return set(local_caller(settings).owners()).__contains__


def local_caller(settings: Settings, *, session_id: str = "") -> Caller:
    """Return the caller of the command line."""
    return Caller(
        tenant=TENANT,
        user_id=settings.user_id,
        agent_id=settings.agent_id,
        session_id=session_id,
        written_by=settings.user_id,
        origin="cli",
    )
