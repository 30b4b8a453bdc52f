"""Every endpoint of the operator API, and what its reference says of it."""

from dataclasses import replace

from minibank.api import pages
from minibank.api.catalogue import NOT_FOUND
from minibank.api.documents import OPERATOR_API
from minibank.api.operation import Operation
from minibank.api.operator import (
    audits,
    balances,
    clearing_files,
    customers,
    entry_sets,
    holds,
    journal,
    keys,
    merchants,
    movements,
)
from minibank.api.operator.endpoint import DryRun, for_networks
from minibank.api.operator.rail_table import RAILS
from minibank.api.operator.rails import Rail, body_of
from minibank.api.operator.table import PREFIX, reads, writes
from minibank.api.routing import Route


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
            takes=DryRun,
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
    reads("/clearing-files", clearing_files.list_files, clearing_files.LIST),
    reads("/clearing-files/{file_id}", clearing_files.retrieve_file, clearing_files.RETRIEVE),
    reads("/clearing-files/{file_id}/rows", clearing_files.list_rows, clearing_files.LIST_ROWS),
    # Merchants
    reads("/merchants", merchants.list_merchants, merchants.LIST_MERCHANTS),
    writes(
        "POST", "/merchants", merchants.create_merchant, merchants.show, merchants.CREATE_MERCHANT
    ),
    reads("/merchants/{merchant_id}", merchants.retrieve_merchant, merchants.RETRIEVE_MERCHANT),
    writes(
        "PATCH",
        "/merchants/{merchant_id}",
        merchants.change_merchant,
        merchants.show,
        merchants.CHANGE_MERCHANT,
    ),
    # Customers
    *customers.ROUTES,
    # The books
    reads(
        "/accounts/{account_id}/entry-sets", entry_sets.list_of_account, entry_sets.LIST_OF_ACCOUNT
    ),
    reads("/accounts/{account_id}/entry-sets/{sequence}", entry_sets.show, entry_sets.SHOW),
    reads(
        "/transactions/{transaction_id}/entry-sets",
        entry_sets.list_of_transaction,
        entry_sets.LIST_OF_TRANSACTION,
    ),
    reads("/transactions/{transaction_id}/answers", holds.list_answers, holds.LIST_ANSWERS),
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
    reads("/holds", holds.list_holds, holds.LIST_HOLDS),
    reads("/answers", holds.find_answer, holds.FIND_ANSWER),
    Route("GET", f"{PREFIX}/journal", journal.export, journal.EXPORT),
    reads("/audit/report", audits.show, audits.SHOW),
    reads("/audit/marks", audits.list_marks, audits.LIST_MARKS),
    writes("POST", "/audit/rounds", audits.request_round, audits.show_after, audits.REQUEST),
    # Who asks, and what was asked for
    reads("/whoami", keys.show_own_key, keys.WHOAMI),
    reads("/keys", keys.list_keys, keys.LIST_KEYS),
    reads("/requests", keys.list_requests, keys.LIST_REQUESTS),
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
