"""Erase what says who a person is, in two steps.

The first ends every sign-in and hides the person from whoever looks for one; the second, when all
else is gone, takes the name and the address. Between them the address still leads here, so that an
erasure that was broken off can be asked for again.
"""

from minibank.db import ReadTx, Tx
from minibank.identity import store
from minibank.identity.emails import email_key
from minibank.identity.store import Leaving

ERASURE = "erasure"
"""What the erasure of a person is called as due work; its subject is the person's id."""


async def find_leaving(tx: ReadTx, who: str) -> Leaving | None:
    """The person with this id or e-mail address, being erased or not."""
    if "@" not in who:
        return await store.find_leaving(tx, who)
    user_id = await store.find_claimant(tx, email_key(who))
    return await store.find_leaving(tx, user_id) if user_id else None


async def lock_leaving(tx: Tx, user_id: str) -> Leaving | None:
    """The person with this id, being erased or not, held until the unit of work ends.

    Every step of an erasure begins with it, and so does whatever makes more of a person.
    """
    return await store.lock_leaving(tx, user_id)


async def begin_erasing(tx: Tx, user_id: str) -> None:
    """Hide a person who is held, and end their password."""
    await store.mark_leaving(tx, user_id)


async def finish_erasing(tx: Tx, leaving: Leaving) -> None:
    """Take the name and the address off a person who is held, and free the address."""
    await store.blank_user(tx, leaving.user.id, email_key(leaving.user.email))
