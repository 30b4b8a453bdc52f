"""Every endpoint of the API."""

from minibank.api import accounts, balance, health, logos, ping, token, transactions
from minibank.api.endpoint import reading, writing
from minibank.api.routing import Route

ROUTES = (
    # OAuth 2.0 (RFC 6749)
    Route("POST", "/oauth2/token", token.issue),
    Route("POST", "/oauth2/logout", writing(token.logout)),
    Route("POST", "/ping/logout", writing(token.logout)),
    Route("GET", "/ping", ping.ping),
    Route("GET", "/ping/whoami", reading(ping.whoami)),
    # The bank
    Route("GET", "/accounts", reading(accounts.list_accounts)),
    Route("GET", "/balance", reading(balance.read_balance)),
    Route("GET", "/transactions", reading(transactions.list_transactions)),
    Route("GET", "/transactions/{transaction_id}", reading(transactions.retrieve_transaction)),
    Route("PATCH", "/transactions/{transaction_id}", writing(transactions.annotate_transaction)),
    # For everybody
    Route("GET", "/logos/{file}", logos.logo),
    Route("GET", "/healthz", health.healthz),
    Route("GET", "/readyz", health.readyz),
)
