"""Every endpoint of the API, and what the reference says of it."""

from minibank.api import (
    accounts,
    attachments,
    balance,
    cards,
    deliveries,
    events,
    feed,
    files,
    health,
    logos,
    pages,
    ping,
    pots,
    receipts,
    token,
    transactions,
    uploads,
    webhooks,
)
from minibank.api.documents import API
from minibank.api.endpoint import moving, reading, writing
from minibank.api.routing import Route

ROUTES: tuple[Route, ...] = (
    # OAuth 2.0 (RFC 6749)
    Route("POST", "/oauth2/token", token.issue, token.ISSUE_TOKEN),
    Route("POST", "/oauth2/logout", writing(token.logout), token.LOGOUT),
    Route("POST", "/ping/logout", writing(token.logout), token.LOGOUT),
    Route("GET", "/ping", ping.ping, ping.PING),
    Route("GET", "/ping/whoami", reading(ping.whoami), ping.WHOAMI),
    # The bank
    Route("GET", "/accounts", reading(accounts.list_accounts), accounts.LIST_ACCOUNTS),
    Route("GET", "/balance", reading(balance.read_balance), balance.READ_BALANCE),
    Route("GET", "/card/list", reading(cards.list_own_cards), cards.LIST_CARDS),
    Route("PUT", "/card/toggle", writing(cards.toggle_card), cards.TOGGLE_CARD),
    Route(
        "GET",
        "/transactions",
        reading(transactions.list_transactions),
        transactions.LIST_TRANSACTIONS,
    ),
    Route(
        "GET",
        "/transactions/{transaction_id}",
        reading(transactions.retrieve_transaction),
        transactions.RETRIEVE_TRANSACTION,
    ),
    Route(
        "PATCH",
        "/transactions/{transaction_id}",
        writing(transactions.annotate_transaction),
        transactions.ANNOTATE_TRANSACTION,
    ),
    # Receipts
    Route(
        "PUT",
        "/transaction-receipts",
        writing(receipts.put_receipt),
        receipts.PUT_RECEIPT,
        body="bytes",
    ),
    Route(
        "GET",
        "/transaction-receipts",
        reading(receipts.retrieve_receipt),
        receipts.RETRIEVE_RECEIPT,
    ),
    Route(
        "DELETE",
        "/transaction-receipts",
        writing(receipts.delete_receipt),
        receipts.DELETE_RECEIPT,
    ),
    # Pots
    Route("GET", "/pots", reading(pots.list_pots), pots.LIST_POTS),
    Route("GET", "/pots/listV1", reading(pots.list_pots_of_old), pots.LIST_POTS_OF_OLD),
    Route("GET", "/pots/{pot_id}", reading(pots.retrieve_pot), pots.RETRIEVE_POT),
    Route("PATCH", "/pots/{pot_id}", writing(pots.change_pot), pots.CHANGE_POT),
    Route(
        "PUT",
        "/pots/{pot_id}/deposit",
        moving(pots.order_deposit, pots.retrieve_pot),
        pots.DEPOSIT,
    ),
    Route(
        "PUT",
        "/pots/{pot_id}/withdraw",
        moving(pots.order_withdrawal, pots.retrieve_pot),
        pots.WITHDRAW,
    ),
    # Attachments
    Route(
        "POST",
        "/attachment/upload",
        writing(attachments.request_upload),
        attachments.REQUEST_UPLOAD,
    ),
    Route("PUT", attachments.RECEIVE, uploads.receive_file, uploads.RECEIVE_FILE, "stream"),
    Route("POST", attachments.RECEIVE, uploads.receive_file, uploads.RECEIVE_FILE, "stream"),
    Route(
        "POST",
        "/attachment/register",
        writing(attachments.register_attachment),
        attachments.REGISTER_ATTACHMENT,
    ),
    Route(
        "POST",
        "/attachment/deregister",
        writing(attachments.deregister_attachment),
        attachments.DEREGISTER_ATTACHMENT,
    ),
    Route("GET", files.FILE, files.read_file, files.READ_FILE),
    # The feed
    Route("GET", "/feed", reading(feed.list_feed), feed.LIST_FEED),
    Route("POST", "/feed", writing(feed.create_feed_item), feed.CREATE_FEED_ITEM),
    Route("GET", "/feed/{item_id}", reading(feed.retrieve_feed_item), feed.RETRIEVE_FEED_ITEM),
    Route("PATCH", "/feed/{item_id}", writing(feed.change_feed_item), feed.CHANGE_FEED_ITEM),
    Route("DELETE", "/feed/{item_id}", writing(feed.delete_feed_item), feed.DELETE_FEED_ITEM),
    # Webhooks
    Route("GET", "/webhooks", reading(webhooks.list_webhooks), webhooks.LIST_WEBHOOKS),
    Route("POST", "/webhooks", writing(webhooks.register_webhook), webhooks.REGISTER_WEBHOOK),
    Route(
        "GET",
        "/webhooks/{webhook_id}",
        reading(webhooks.retrieve_webhook),
        webhooks.RETRIEVE_WEBHOOK,
    ),
    Route(
        "DELETE",
        "/webhooks/{webhook_id}",
        writing(webhooks.delete_webhook),
        webhooks.DELETE_WEBHOOK,
    ),
    Route(
        "POST",
        "/webhooks/{webhook_id}/rotate_secret",
        writing(webhooks.rotate_secret),
        webhooks.ROTATE_SECRET,
    ),
    Route(
        "GET",
        "/webhooks/{webhook_id}/deliveries",
        reading(deliveries.list_deliveries),
        deliveries.LIST_DELIVERIES,
    ),
    Route(
        "GET",
        "/webhooks/{webhook_id}/deliveries/{delivery_id}",
        reading(deliveries.retrieve_delivery),
        deliveries.RETRIEVE_DELIVERY,
    ),
    Route(
        "POST",
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
        writing(deliveries.resend_delivery),
        deliveries.RESEND_DELIVERY,
    ),
    Route(
        "POST",
        "/webhooks/{webhook_id}/resend",
        writing(deliveries.resend_deliveries),
        deliveries.RESEND_DELIVERIES,
    ),
    Route("GET", "/events", events.events, events.LIST_EVENTS),
    Route(
        "POST",
        "/webhooks/{webhook_id}/test",
        writing(deliveries.send_test_event),
        deliveries.SEND_TEST,
    ),
    Route("GET", "/.well-known/webhook-keys", deliveries.keys, deliveries.KEYS),
    # For everybody
    Route("GET", "/logos/{file}", logos.logo, logos.LOGO),
    Route("GET", "/healthz", health.healthz, health.HEALTHZ),
    Route("GET", "/readyz", health.readyz, health.READYZ),
    Route("GET", "/openapi.json", pages.document_of(lambda: ROUTES, API), pages.DOCUMENT),
    Route("GET", "/docs", pages.page_of("index.html"), pages.PAGE),
    Route("GET", "/docs/{file}", pages.file, pages.FILE),
)
