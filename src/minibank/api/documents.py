"""What the two references say besides their endpoints: that of the API, and that for operators."""

from typing import get_args

from minibank.api.openapi import About
from minibank.api.operation import OperatorTag, Tag
from minibank.api.told import TOLD

API = About(
    title="minibank",
    summary="A bank you can run.",
    introduction="introduction.md",
    tags=get_args(Tag),
    security={
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token: `Authorization: Bearer mb_at_...` (RFC 6750).",
        },
        "client": {
            "type": "http",
            "scheme": "basic",
            "description": "A client's id and secret (RFC 6749 section 2.3.1).",
        },
    },
    told=TOLD,
)

OPERATOR_API = About(
    title="minibank for operators",
    summary="The rails that money arrives on, the customers, and the books.",
    introduction="operator.md",
    tags=get_args(OperatorTag),
    security={
        "operator": {
            "type": "http",
            "scheme": "bearer",
            "description": "An operator key: `Authorization: Bearer mb_op_...`.",
        },
    },
    told={},
)
