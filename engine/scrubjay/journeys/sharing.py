"""The tables that a tenant's people share: the agents', and those of conversations that name no person."""

import logging

from scrubjay.errors import StoreBusy, StoreError
from scrubjay.journeys.engine import Engine
from scrubjay.types import Owner, Scope

logger = logging.getLogger(__name__)


def shared_tables(engine: Engine, tenant: str) -> list[Owner]:
    """Return the owners of a tenant's tables that are no person's.

    Raises StoreError when a table cannot be read: nobody knows then whether it is one of these. The error does not name
    it, since it may be anybody's; the log does.
    """
    try:
        owners = engine.store.owners()
    except StoreBusy:
        raise
    except StoreError as error:
        logger.warning("the tables that people share cannot be told: %s", error)
        raise StoreError(
            "a table in the data folder is damaged, so nobody knows whether you have written into it; "
            "whoever runs the server finds it with `scrubjay doctor`. Try again when it is mended"
        ) from None
    return [owner for owner in owners if owner.tenant == tenant and owner.scope is not Scope.USER]
