"""Every endpoint about customers: a part of the table of the operator API."""

from minibank.api.operator import accounts, clients, owners, users
from minibank.api.operator.endpoint import reading, writing
from minibank.api.routing import Route
from minibank.operators.records import Scope

_SCOPE: Scope = "customers"
_BOTH: tuple[Scope, Scope] = ("customers", "audit")


def routes(prefix: str) -> tuple[Route, ...]:
    """The endpoints below this path."""
    return (
        *_accounts(f"{prefix}/accounts"),
        *_owners(f"{prefix}/accounts/{{account_id}}"),
        *_users(f"{prefix}/users"),
        *_clients(f"{prefix}/clients"),
    )


def _accounts(at: str) -> tuple[Route, ...]:
    one = f"{at}/{{account_id}}"
    change = writing(accounts.change_limits, accounts.show, _SCOPE)
    turn = writing(accounts.set_state, accounts.show, _SCOPE)
    end = writing(accounts.close, accounts.show_closure, _SCOPE)
    return (
        Route("GET", at, reading(accounts.list_accounts, *_BOTH), accounts.LIST_ACCOUNTS),
        Route(
            "POST",
            at,
            writing(accounts.open_account, accounts.show, _SCOPE),
            accounts.OPEN_ACCOUNT,
            body="bytes",
        ),
        Route("GET", one, reading(accounts.retrieve_account, *_BOTH), accounts.RETRIEVE_ACCOUNT),
        Route("PATCH", f"{one}/limits", change, accounts.CHANGE_LIMITS, body="bytes"),
        Route("PUT", f"{one}/state", turn, accounts.SET_STATE, body="bytes"),
        Route("POST", f"{one}/closure", end, accounts.CLOSE_ACCOUNT, body="bytes"),
    )


def _owners(account: str) -> tuple[Route, ...]:
    add = writing(owners.add_owner, accounts.show, _SCOPE)
    remove = writing(owners.remove_owner, accounts.show, _SCOPE)
    return (
        Route("POST", f"{account}/owners", add, owners.ADD_OWNER, body="bytes"),
        Route("DELETE", f"{account}/owners/{{user_id}}", remove, owners.REMOVE_OWNER, body="bytes"),
    )


def _users(at: str) -> tuple[Route, ...]:
    one = f"{at}/{{user_id}}"
    create = writing(
        users.create_user, users.show, _SCOPE, prepare=users.hash_new, check=users.check_new
    )
    reset = writing(
        users.reset_password, users.show, _SCOPE, prepare=users.hash_other, check=users.check_other
    )
    change = writing(users.change_user, users.show, _SCOPE)
    out = writing(users.sign_out, users.show, _SCOPE)
    erase = writing(users.erase_user, users.show_erasure, _SCOPE)
    return (
        Route("GET", at, reading(users.list_users, _SCOPE), users.LIST_USERS),
        Route("POST", at, create, users.CREATE_USER, body="bytes"),
        Route("GET", one, reading(users.retrieve_user, _SCOPE), users.RETRIEVE_USER),
        Route("PATCH", one, change, users.CHANGE_USER, body="bytes"),
        Route("PUT", f"{one}/password", reset, users.RESET_PASSWORD, body="bytes"),
        Route("DELETE", f"{one}/tokens", out, users.SIGN_OUT, body="bytes"),
        Route("GET", f"{one}/export", users.export, users.EXPORT_USER),
        Route("POST", f"{one}/erasure", erase, users.ERASE_USER, body="bytes"),
        Route(
            "GET", f"{one}/erasure", reading(users.retrieve_erasure, *_BOTH), users.RETRIEVE_ERASURE
        ),
    )


def _clients(at: str) -> tuple[Route, ...]:
    one = f"{at}/{{client_id}}"
    register = writing(clients.register_client, clients.show_secret, _SCOPE)
    rotate = writing(clients.rotate_secret, clients.show_secret, _SCOPE)
    change = writing(clients.change_client, clients.show, _SCOPE)
    turn = writing(clients.set_state, clients.show, _SCOPE)
    return (
        Route("GET", at, reading(clients.list_clients, *_BOTH), clients.LIST_CLIENTS),
        Route("POST", at, register, clients.REGISTER_CLIENT, body="bytes"),
        Route("GET", one, reading(clients.retrieve_client, *_BOTH), clients.RETRIEVE_CLIENT),
        Route("PATCH", one, change, clients.CHANGE_CLIENT, body="bytes"),
        Route("POST", f"{one}/secrets", rotate, clients.ROTATE_SECRET, body="bytes"),
        Route("PUT", f"{one}/state", turn, clients.SET_CLIENT_STATE, body="bytes"),
    )
