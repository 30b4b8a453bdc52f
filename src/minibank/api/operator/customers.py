"""Every endpoint about customers: a part of the table of the operator API."""

from minibank.api.operator import accounts, cards, clients, owners, pots, users
from minibank.api.operator.table import PREFIX, reads, writes
from minibank.api.routing import Route

_ACCOUNT = "/accounts/{account_id}"
_POT = "/pots/{pot_id}"
_CARD = "/cards/{card_id}"
_USER = "/users/{user_id}"
_CLIENT = "/clients/{client_id}"

ACCOUNTS: tuple[Route, ...] = (
    reads("/accounts", accounts.list_accounts, accounts.LIST_ACCOUNTS),
    writes("POST", "/accounts", accounts.open_account, accounts.show, accounts.OPEN_ACCOUNT),
    reads(_ACCOUNT, accounts.retrieve_account, accounts.RETRIEVE_ACCOUNT),
    writes(
        "PATCH",
        f"{_ACCOUNT}/limits",
        accounts.change_limits,
        accounts.show,
        accounts.CHANGE_LIMITS,
    ),
    writes("PUT", f"{_ACCOUNT}/state", accounts.set_state, accounts.show, accounts.SET_STATE),
    writes(
        "POST", f"{_ACCOUNT}/closure", accounts.close, accounts.show_closure, accounts.CLOSE_ACCOUNT
    ),
    writes("POST", f"{_ACCOUNT}/owners", owners.add_owner, accounts.show, owners.ADD_OWNER),
    writes(
        "DELETE",
        f"{_ACCOUNT}/owners/{{user_id}}",
        owners.remove_owner,
        accounts.show,
        owners.REMOVE_OWNER,
    ),
)

USERS: tuple[Route, ...] = (
    reads("/users", users.list_users, users.LIST_USERS),
    writes(
        "POST",
        "/users",
        users.create_user,
        users.show,
        users.CREATE_USER,
        prepare=users.hash_new,
        check=users.check_new,
    ),
    reads(_USER, users.retrieve_user, users.RETRIEVE_USER),
    writes("PATCH", _USER, users.change_user, users.show, users.CHANGE_USER),
    writes(
        "PUT",
        f"{_USER}/password",
        users.reset_password,
        users.show,
        users.RESET_PASSWORD,
        prepare=users.hash_other,
        check=users.check_other,
    ),
    writes("DELETE", f"{_USER}/tokens", users.sign_out, users.show, users.SIGN_OUT),
    Route("GET", f"{PREFIX}{_USER}/export", users.export, users.EXPORT_USER),
    writes("POST", f"{_USER}/erasure", users.erase_user, users.show_erasure, users.ERASE_USER),
    reads(f"{_USER}/erasure", users.retrieve_erasure, users.RETRIEVE_ERASURE),
)

CLIENTS: tuple[Route, ...] = (
    reads("/clients", clients.list_clients, clients.LIST_CLIENTS),
    writes(
        "POST", "/clients", clients.register_client, clients.show_secret, clients.REGISTER_CLIENT
    ),
    reads(_CLIENT, clients.retrieve_client, clients.RETRIEVE_CLIENT),
    writes("PATCH", _CLIENT, clients.change_client, clients.show, clients.CHANGE_CLIENT),
    writes(
        "POST",
        f"{_CLIENT}/secrets",
        clients.rotate_secret,
        clients.show_secret,
        clients.ROTATE_SECRET,
    ),
    writes("PUT", f"{_CLIENT}/state", clients.set_state, clients.show, clients.SET_CLIENT_STATE),
)

POTS: tuple[Route, ...] = (
    writes("POST", f"{_ACCOUNT}/pots", pots.create_pot, pots.show, pots.CREATE_POT),
    reads(f"{_ACCOUNT}/pots", pots.list_pots, pots.LIST_POTS),
    reads(_POT, pots.retrieve_pot, pots.RETRIEVE_POT),
    writes("PATCH", _POT, pots.change_pot, pots.show, pots.CHANGE_POT),
    writes("PUT", f"{_POT}/lock", pots.lock_pot, pots.show, pots.LOCK_POT),
    writes("DELETE", f"{_POT}/lock", pots.unlock_pot, pots.show, pots.UNLOCK_POT),
)

CARDS: tuple[Route, ...] = (
    reads(f"{_ACCOUNT}/cards", cards.list_cards, cards.LIST_CARDS),
    writes("POST", f"{_ACCOUNT}/cards", cards.issue_card, cards.show, cards.ISSUE_CARD),
    reads(_CARD, cards.retrieve_card, cards.RETRIEVE_CARD),
    writes("PATCH", _CARD, cards.change_card, cards.show, cards.CHANGE_CARD),
)

ROUTES: tuple[Route, ...] = (*ACCOUNTS, *USERS, *CLIENTS, *POTS, *CARDS)
