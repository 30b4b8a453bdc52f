"""Which account comes first."""

from minibank.accounts.records import Account, AccountState, AccountType, in_listing_order


def account(
    name: str, created_at: int, kind: AccountType = "uk_retail", state: AccountState = "open"
) -> Account:
    return Account(
        id=name,
        type=kind,
        state=state,
        currency="GBP",
        sort_code="009900",
        account_number="00000000",
        iban="",
        created_at=created_at,
        closed_at=None,
        owners=(),
    )


def names(*accounts: Account) -> list[str]:
    return [account.id for account in in_listing_order(accounts)]


def test_accounts_come_as_they_were_created():
    assert names(account("b", 2), account("c", 3), account("a", 1)) == ["a", "b", "c"]


def test_accounts_of_one_instant_come_by_their_ids():
    assert names(account("b", 1), account("a", 1)) == ["a", "b"]


def test_the_main_current_account_comes_before_an_older_joint_one():
    joint = account("joint", 1, "uk_retail_joint")
    assert names(joint, account("mine", 2), account("second", 3)) == ["mine", "joint", "second"]


def test_a_closed_current_account_does_not_come_before_an_open_one():
    closed, joint = account("closed", 1, state="closed"), account("joint", 2, "uk_retail_joint")
    assert names(closed, joint, account("mine", 3)) == ["mine", "closed", "joint"]


def test_a_closed_current_account_is_still_the_main_one_when_there_is_no_other():
    joint, closed = account("joint", 1, "uk_retail_joint"), account("closed", 2, state="closed")
    assert names(joint, closed) == ["closed", "joint"]


def test_without_a_current_account_the_oldest_comes_first():
    later = account("later", 2, "uk_retail_joint")
    assert names(later, account("joint", 1, "uk_retail_joint")) == ["joint", "later"]


def test_nobody_has_no_accounts():
    assert names() == []
