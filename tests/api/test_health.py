"""GET /healthz, GET /readyz and the logos."""

from minibank.db import open_database
from minibank.sandbox.catalogue import read_catalogue
from tests.support.callers import PUBLIC_URL, http


async def test_a_bank_with_its_schema_is_ready(bank):
    for path in ("/healthz", "/readyz"):
        answer = await bank.api.get(path, headers={"Authorization": ""})
        assert (answer.status_code, answer.json()) == (200, {"ok": True})


async def test_a_database_without_the_schema_is_alive_and_not_ready(empty_database_url):
    empty = await open_database(empty_database_url)
    async with http(empty) as api:
        assert (await api.get("/healthz")).status_code == 200
        answer = await api.get("/readyz")
    await empty.close()
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable.database"


async def test_a_schema_from_the_future_is_not_ready(bank, clock):
    await bank.db.transact(
        lambda tx: tx.execute(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, 'x', $1)",
            clock.now(),
        )
    )
    assert (await bank.api.get("/readyz")).status_code == 503


async def test_every_brand_s_logo_is_a_picture_that_may_be_kept(bank):
    for brand in list(read_catalogue().brands.values())[:5]:
        answer = await bank.api.get(brand.logo)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"].startswith("public, max-age=")
        assert answer.content.startswith(b"\x89PNG\r\n")


async def test_no_other_file_can_be_had(bank):
    for name in [
        "nobody.png",
        "hartwold",
        "HARTWOLD.png",
        "hartwold.png.png",
        "..%2Fcatalogue.json",
        "..%2F..%2Fapi%2Frouting.py",
        "%2e%2e%2fhartwold.png",
        "hartwold.png%00",
        "%2Fetc%2Fpasswd",
        "-.png",
        "hartwold.png%0A",
    ]:
        answer = await bank.api.get(f"{PUBLIC_URL}/logos/{name}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found.logo"
