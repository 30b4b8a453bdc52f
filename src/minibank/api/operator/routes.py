"""Every endpoint of the operator API, and what its reference says of it."""

from minibank.api import pages
from minibank.api.documents import OPERATOR_API
from minibank.api.operation import Operation
from minibank.api.operator import keys, movements, pots
from minibank.api.operator.endpoint import reading, writing
from minibank.api.operator.rail_table import RAILS
from minibank.api.operator.rails import Rail, body_of
from minibank.api.routing import Route

PREFIX = "/operator/v1"


def _rail(rail: Rail) -> Route:
    """The endpoint that sends a rail's command."""
    return Route(
        "POST",
        f"{PREFIX}/{rail.noun}",
        movements.moving(rail),
        Operation(
            tag="Movements",
            summary=rail.summary,
            description=rail.description,
            path=rail.path,
            takes=movements.DryRun,
            body=body_of(rail.command, rail.named),
            answers=movements.Movement,
            refuses=(*movements.ALWAYS, *rail.refuses),
            scopes=rail.scopes,
            named=True,
        ),
        body="bytes",
    )


ROUTES: tuple[Route, ...] = (
    # Movements of money
    *(_rail(rail) for rail in RAILS),
    Route(
        "POST",
        f"{PREFIX}/commands",
        movements.send_many,
        movements.SEND_MANY,
        body="bytes",
        body_bytes_max=movements.BULK_BYTES_MAX,
    ),
    # Customers
    Route(
        "POST",
        f"{PREFIX}/accounts/{{account_id}}/pots",
        writing(pots.create_pot, pots.show, "customers"),
        pots.CREATE_POT,
        body="bytes",
    ),
    Route(
        "GET",
        f"{PREFIX}/accounts/{{account_id}}/pots",
        reading(pots.list_pots, "customers", "audit"),
        pots.LIST_POTS,
    ),
    Route(
        "GET",
        f"{PREFIX}/pots/{{pot_id}}",
        reading(pots.retrieve_pot, "customers", "audit"),
        pots.RETRIEVE_POT,
    ),
    Route(
        "PATCH",
        f"{PREFIX}/pots/{{pot_id}}",
        writing(pots.change_pot, pots.show, "customers"),
        pots.CHANGE_POT,
        body="bytes",
    ),
    Route(
        "PUT",
        f"{PREFIX}/pots/{{pot_id}}/lock",
        writing(pots.lock_pot, pots.show, "customers"),
        pots.LOCK_POT,
        body="bytes",
    ),
    Route(
        "DELETE",
        f"{PREFIX}/pots/{{pot_id}}/lock",
        writing(pots.unlock_pot, pots.show, "customers"),
        pots.UNLOCK_POT,
        body="bytes",
    ),
    # Who asks, and what was asked for
    Route("GET", f"{PREFIX}/whoami", reading(keys.show_own_key, *keys.ANY), keys.WHOAMI),
    Route("GET", f"{PREFIX}/keys", reading(keys.list_keys, "audit"), keys.LIST_KEYS),
    Route("GET", f"{PREFIX}/requests", reading(keys.list_requests, "audit"), keys.LIST_REQUESTS),
    # For everybody
    Route(
        "GET",
        f"{PREFIX}/openapi.json",
        pages.document_of(lambda: ROUTES, OPERATOR_API),
        pages.DOCUMENT,
    ),
    Route("GET", "/operator/docs", pages.page_of("operator.html"), pages.PAGE),
)
