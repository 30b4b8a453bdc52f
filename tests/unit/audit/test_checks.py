"""Owners, limits and findings: the rules that need no row."""

import dataclasses

import pytest

from minibank.audit.chain_walk import Ledger
from minibank.audit.checks import check_balance, check_owners
from minibank.audit.findings import FINDINGS_MAX, AuditReport, Finding
from minibank.audit.rows import BalanceRow, OwnerRow
from minibank.ledger.chain import GENESIS

ACCOUNT = "acc_1"
ROW = BalanceRow(
    shard=1,
    account_id=ACCOUNT,
    type="uk_retail",
    currency="GBP",
    booked=0,
    held=0,
    overdraft_limit=0,
    last_created_at=0,
    chain_length=0,
    chain_head=GENESIS,
)


def codes_of_owners(kind: str, positions: list[int], known: int) -> list[str]:
    owners = [OwnerRow(ACCOUNT, f"user_{n}", position) for n, position in enumerate(positions)]
    memberships = {(f"user_{n}", ACCOUNT) for n in range(known)}
    row = dataclasses.replace(ROW, type=kind)
    return [finding.code for finding in check_owners(row, owners, memberships)]


@pytest.mark.parametrize(
    ("kind", "positions"),
    [
        ("uk_retail", [0]),
        ("uk_retail_joint", [0, 1]),
        ("uk_retail_joint", [1, 0, 2]),
        ("of tomorrow", [0]),
        ("of tomorrow", [0, 1]),
    ],
)
def test_accounts_have_the_owners_of_their_type(kind: str, positions: list[int]) -> None:
    assert codes_of_owners(kind, positions, len(positions)) == []


@pytest.mark.parametrize(
    ("kind", "positions"),
    [
        ("uk_retail", []),
        ("uk_retail", [0, 1]),
        ("uk_retail", [1]),
        ("uk_retail_joint", [0]),
        ("uk_retail_joint", [0, 0]),
        ("uk_retail_joint", [0, 2]),
        ("of tomorrow", []),
    ],
)
def test_other_owners_are_found(kind: str, positions: list[int]) -> None:
    assert codes_of_owners(kind, positions, len(positions)) == ["account.owners"]


def test_an_owner_whose_own_rows_do_not_know_of_it_is_found() -> None:
    assert codes_of_owners("uk_retail", [0], 0) == ["owner.membership"]


@pytest.mark.parametrize(
    ("main", "limit", "explained", "codes"),
    [
        (-500, 500, 0, []),
        (-501, 500, 0, ["balance.limit"]),
        (-501, 500, 1, []),
        (-502, 500, 1, ["balance.limit"]),
        (0, 0, 0, []),
    ],
)
def test_an_account_may_be_beyond_its_limit_by_what_is_explained(
    main: int, limit: int, explained: int, codes: list[str]
) -> None:
    row = dataclasses.replace(ROW, booked=main, overdraft_limit=limit)
    ledger = Ledger(ACCOUNT, "GBP", main=main, explained=explained)
    assert [finding.code for finding in check_balance(row, ledger, 0)] == codes


def test_a_report_counts_on_when_it_keeps_no_more_findings() -> None:
    finding = Finding("code", ACCOUNT, "subject", "message")
    part = AuditReport(accounts=1, entry_sets=2, transactions=3, positions={("a", "GBP"): 4})
    part.add(*[finding] * (FINDINGS_MAX + 1))
    part.add(finding)
    assert (part.findings_count, len(part.findings)) == (FINDINGS_MAX + 2, FINDINGS_MAX)
    whole = AuditReport()
    assert whole.clean
    for _ in range(2):
        whole.merge(part)
    assert (whole.findings_count, len(whole.findings)) == (2 * FINDINGS_MAX + 4, FINDINGS_MAX)
    assert (whole.accounts, whole.entry_sets, whole.transactions) == (2, 4, 6)
    assert whole.positions == {("a", "GBP"): 8}
    assert not whole.clean
