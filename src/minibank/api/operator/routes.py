"""Every endpoint of the operator API, and what its reference says of it."""

from dataclasses import replace

from minibank.api import pages
from minibank.api.catalogue import NOT_FOUND
from minibank.api.documents import OPERATOR_API
from minibank.api.operation import Operation
from minibank.api.operator import (
    audits,
    balances,
    cards,
    clearing_files,
    customers,
    entry_sets,
    holds,
    journal,
    keys,
    merchants,
    movements,
    pots,
)
from minibank.api.operator.endpoint import for_networks, reading, writing
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
    # Clearing files
    Route(
        "POST",
        f"{PREFIX}/clearing-files",
        clearing_files.import_file,
        clearing_files.IMPORT,
        body="stream",
    ),
    Route(
        "GET",
        f"{PREFIX}/clearing-files",
        reading(clearing_files.list_files, *clearing_files.READERS),
        clearing_files.LIST,
    ),
    Route(
        "GET",
        f"{PREFIX}/clearing-files/{{file_id}}",
        reading(clearing_files.retrieve_file, *clearing_files.READERS),
        clearing_files.RETRIEVE,
    ),
    Route(
        "GET",
        f"{PREFIX}/clearing-files/{{file_id}}/rows",
        reading(clearing_files.list_rows, *clearing_files.READERS),
        clearing_files.LIST_ROWS,
    ),
    # Merchants
    Route(
        "GET",
        f"{PREFIX}/merchants",
        reading(merchants.list_merchants, *merchants.READERS),
        merchants.LIST_MERCHANTS,
    ),
    Route(
        "POST",
        f"{PREFIX}/merchants",
        writing(merchants.create_merchant, merchants.show, "rails"),
        merchants.CREATE_MERCHANT,
        body="bytes",
    ),
    Route(
        "GET",
        f"{PREFIX}/merchants/{{merchant_id}}",
        reading(merchants.retrieve_merchant, *merchants.READERS),
        merchants.RETRIEVE_MERCHANT,
    ),
    Route(
        "PATCH",
        f"{PREFIX}/merchants/{{merchant_id}}",
        writing(merchants.change_merchant, merchants.show, "rails"),
        merchants.CHANGE_MERCHANT,
        body="bytes",
    ),
    # Customers
    *customers.routes(PREFIX),
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
    # Cards
    Route(
        "GET",
        f"{PREFIX}/accounts/{{account_id}}/cards",
        reading(cards.list_cards, "customers", "audit"),
        cards.LIST_CARDS,
    ),
    Route(
        "POST",
        f"{PREFIX}/accounts/{{account_id}}/cards",
        writing(cards.issue_card, cards.show, "customers"),
        cards.ISSUE_CARD,
        body="bytes",
    ),
    Route(
        "GET",
        f"{PREFIX}/cards/{{card_id}}",
        reading(cards.retrieve_card, "customers", "audit"),
        cards.RETRIEVE_CARD,
    ),
    Route(
        "PATCH",
        f"{PREFIX}/cards/{{card_id}}",
        writing(cards.change_card, cards.show, "customers"),
        cards.CHANGE_CARD,
        body="bytes",
    ),
    # The books
    Route(
        "GET",
        f"{PREFIX}/accounts/{{account_id}}/entry-sets",
        reading(entry_sets.list_of_account, *entry_sets.SCOPES),
        entry_sets.LIST_OF_ACCOUNT,
    ),
    Route(
        "GET",
        f"{PREFIX}/accounts/{{account_id}}/entry-sets/{{sequence}}",
        reading(entry_sets.show, *entry_sets.SCOPES),
        entry_sets.SHOW,
    ),
    Route(
        "GET",
        f"{PREFIX}/transactions/{{transaction_id}}/entry-sets",
        reading(entry_sets.list_of_transaction, *entry_sets.SCOPES),
        entry_sets.LIST_OF_TRANSACTION,
    ),
    Route(
        "GET",
        f"{PREFIX}/transactions/{{transaction_id}}/answers",
        reading(holds.list_answers, *entry_sets.SCOPES),
        holds.LIST_ANSWERS,
    ),
    Route(
        "GET",
        f"{PREFIX}/accounts/{{account_id}}/balances",
        balances.show_of_account,
        balances.SHOW_OF_ACCOUNT,
    ),
    Route("GET", f"{PREFIX}/balances", balances.show_of_address, balances.SHOW_OF_ADDRESS),
    Route(
        "GET", f"{PREFIX}/trial-balance", balances.show_trial_balance, balances.SHOW_TRIAL_BALANCE
    ),
    Route(
        "GET", f"{PREFIX}/holds", reading(holds.list_holds, *entry_sets.SCOPES), holds.LIST_HOLDS
    ),
    Route(
        "GET",
        f"{PREFIX}/answers",
        reading(holds.find_answer, *entry_sets.SCOPES),
        holds.FIND_ANSWER,
    ),
    Route("GET", f"{PREFIX}/journal", journal.export, journal.EXPORT),
    Route("GET", f"{PREFIX}/audit/report", reading(audits.show, "audit"), audits.SHOW),
    Route("GET", f"{PREFIX}/audit/marks", reading(audits.list_marks, "audit"), audits.LIST_MARKS),
    Route(
        "POST",
        f"{PREFIX}/audit/rounds",
        writing(audits.request_round, audits.show_after, "audit"),
        audits.REQUEST,
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
        for_networks(pages.document_of(lambda: ROUTES, OPERATOR_API)),
        replace(pages.DOCUMENT, refuses=(NOT_FOUND,)),
    ),
    Route(
        "GET",
        "/operator/docs",
        for_networks(pages.page_of("operator.html")),
        replace(pages.PAGE, refuses=(NOT_FOUND,)),
    ),
)
