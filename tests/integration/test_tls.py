"""HTTPS: certificates that the bank makes, those it is given, and what it says of bad ones."""

import contextlib
import re
import signal
import socket
import ssl
import stat
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import trustme

from minibank.app.certificates import LEAF_DAYS, RENEWED_DAYS, ensure_dev_files
from minibank.app.dev_files import DevFiles, dev_files, dev_names
from minibank.app.errors import StartError
from minibank.app.tls import ServerTls, open_tls
from minibank.settings import Settings
from minibank.settings.hosts import HISTORIC_HOSTS
from tests.integration.test_serve_workers import Server, serving, wait_for
from tests.support.certificates import trusting, write_pair
from tests.support.command_line import CommandLine
from tests.support.demo_process import running_demo

NAMES = ("localhost", "127.0.0.1", "::1", *HISTORIC_HOSTS)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Somebody's certificate authority."""
    return trustme.CA()


def peer_certificate(port: int, context: ssl.SSLContext, name: str = "localhost") -> bytes:
    """The certificate that a server shows to one who asks for this name, and trusts it."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=name) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def port_of(server: Server) -> int:
    """Where a server on HTTPS listens."""
    wait_for(lambda: "answers at" in server.said() or server.process.poll(), server.said)
    found = re.search(r"answers at https://127\.0\.0\.1:(\d+)", server.said())
    assert found, server.said()
    return int(found[1])


def bank_in(directory: Path) -> str:
    return f"sqlite:///{directory / 'bank.db'}"


def test_a_bank_makes_its_own_certificates_and_says_how_to_trust_them(tmp_path: Path):
    with serving(tmp_path, bank_in(tmp_path), "--tls", "dev") as server:
        port, files = port_of(server), DevFiles(tmp_path / "minibank-tls")
        context = trusting(files.ca)
        for name in NAMES:
            assert peer_certificate(port, context, name), name
        answer = httpx.get(f"https://localhost:{port}/ping", verify=context)
        assert answer.json() == {"ping": "pong"}
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://localhost:{port}/ping")
        for word in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "--cacert"):
            assert word in server.said()
        assert str(files.ca) in server.said()
        assert server.process.poll() is None
        first = peer_certificate(port, context)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.directory.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o600, "lock": 0o600}
    with serving(tmp_path, bank_in(tmp_path), "--tls", "dev", name="again") as server:
        assert peer_certificate(port_of(server), context) == first, "it is used again"


def test_a_demo_on_https_is_pasted_like_any_other_and_tells_scripts_whom_to_trust(tmp_path: Path):
    with running_demo(tmp_path, "--tls", "dev") as running:
        assert running.info["base_url"].startswith("https://127.0.0.1:")
        ca = Path(running.info["ca_file"])
        answer = httpx.get(f"{running.info['base_url']}/readyz", verify=trusting(ca))
        assert answer.status_code == 200
        script = running.sheet[running.sheet.index("# The bank made") :]
        done = subprocess.run(
            ["/bin/sh", "-eu"], input=script, capture_output=True, text=True, timeout=30, check=True
        )
        assert f'"user_id":"{running.info["users"][0]["user_id"]}"' in done.stdout


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])
def test_only_tls_1_2_and_later_is_spoken_and_with_forward_secrecy(tmp_path: Path, version: str):
    settings = Settings(tls="dev", tls_directory=str(tmp_path))
    server = open_tls(settings)
    assert server is not None
    client = trusting(dev_files(settings).ca)
    client.set_ciphers("ALL:@SECLEVEL=0")
    client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    client.maximum_version = ssl.TLSVersion[version]
    ends = [ssl.MemoryBIO() for _ in range(4)]
    theirs = client.wrap_bio(ends[0], ends[1], server_hostname="api.monzo.com")
    ours = server.context.wrap_bio(ends[2], ends[3], server_side=True)

    def handshake() -> None:
        for _ in range(4):
            for side in (theirs, ours):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                ends[2].write(ends[1].read())
                ends[0].write(ends[3].read())

    if version in {"TLSv1", "TLSv1_1"}:
        with pytest.raises(ssl.SSLError):
            handshake()
    else:
        handshake()
        cipher = ours.cipher()
        assert cipher is not None
        assert cipher[0].startswith(("ECDHE-", "TLS_"))
        assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]


def test_a_throw_away_certificate_is_made_anew_when_something_is_wrong_with_it(tmp_path: Path):
    files = DevFiles(tmp_path / "tls")
    ensure_dev_files(files, NAMES)
    ca, first = files.ca.read_bytes(), files.server.read_bytes()
    ensure_dev_files(files, NAMES[:2])
    assert files.server.read_bytes() == first, "it is for more names than are wanted"
    ensure_dev_files(files, (*NAMES, "bank.local"))
    second = files.server.read_bytes()
    assert second != first
    for damage in (b"", b"-----BEGIN CERTIFICATE-----\njunk\n", first[:200], ca):
        files.server.write_bytes(damage)
        ensure_dev_files(files, NAMES)
        assert peer_names(files) >= set(NAMES)
    files.server.unlink()
    files.ca.unlink()
    ensure_dev_files(files, NAMES)
    assert files.ca.read_bytes() == ca, "clients that trust the authority go on to"
    files.ca_key.write_bytes(b"junk")
    ensure_dev_files(files, NAMES)
    assert files.ca.read_bytes() != ca
    assert peer_names(files) >= set(NAMES)


def peer_names(files: DevFiles) -> set[str]:
    """The names in the certificate that a server would show; it matches its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    text = ssl._ssl._test_decode_cert(str(files.server))  # type: ignore[attr-defined]
    return {"::1" if value == "0:0:0:0:0:0:0:1" else value for _, value in text["subjectAltName"]}


@pytest.mark.parametrize(("days", "is_kept"), [(RENEWED_DAYS - 1, False), (LEAF_DAYS, True)])
def test_a_throw_away_certificate_is_renewed_before_it_ends(
    tmp_path: Path, days: int, is_kept: bool
):
    files = DevFiles(tmp_path)
    ensure_dev_files(files, ["localhost", "127.0.0.1"])
    pem = files.ca_key.read_bytes()
    certificate, key = write_pair(tmp_path, "old", trustme.CA.from_pem(pem, pem), days=days)
    old = key.read_bytes() + certificate.read_bytes()
    files.server.write_bytes(old)
    ensure_dev_files(files, ["localhost", "127.0.0.1"])
    assert (files.server.read_bytes() == old) is is_kept


def test_the_certificate_is_for_the_names_under_which_this_bank_is_reached():
    settings = Settings(host="bank.local", public_url="https://bank.example:8443")
    assert set(dev_names(settings)) == {*NAMES, "bank.local", "bank.example"}
    assert dev_names(Settings(host="0.0.0.0")) == dev_names(Settings())


def test_throw_away_files_are_beside_the_bank_or_where_they_were_wanted(tmp_path: Path):
    beside = dev_files(Settings(database="sqlite:////srv/bank/bank.db"))
    assert beside.directory == Path("/srv/bank/minibank-tls")
    assert dev_files(Settings(tls_directory="/x")).directory == Path("/x")
    on_postgres = Settings(database="postgresql://bank@localhost/bank")
    assert dev_files(on_postgres).directory == Path.cwd() / "minibank-tls"


def given(certificate: Path, key: Path) -> Settings:
    return Settings(tls_cert=str(certificate), tls_key=str(key))


def test_a_bank_shows_the_certificate_it_was_given_and_the_next_one_after_sighup(
    tmp_path: Path, authority: trustme.CA
):
    certificate, key = write_pair(tmp_path, "first", authority)
    flags = ("--tls-cert", str(certificate), "--tls-key", str(key))
    context = trusting(authority)
    with serving(tmp_path, bank_in(tmp_path), *flags) as server:
        port = port_of(server)
        with httpx.Client(verify=context) as kept:
            assert kept.get(f"https://localhost:{port}/ping").status_code == 200
            before = peer_certificate(port, context)
            renewed, renewed_key = write_pair(tmp_path, "second", authority)
            renewed.replace(certificate)
            # The key still is the old one: it must change nothing.
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "the former certificate is still in use" in server.said(), server.said)
            assert peer_certificate(port, context) == before
            renewed_key.replace(key)
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: peer_certificate(port, context) != before, server.said)
            assert kept.get(f"https://localhost:{port}/ping").status_code == 200
        server.process.terminate()
        assert server.process.wait(30) == 0


def test_several_processes_all_show_the_next_certificate_after_sighup(
    databases, tmp_path: Path, authority: trustme.CA
):
    url = databases.new("postgres", migrated=False)
    certificate, key = write_pair(tmp_path, "first", authority)
    flags = ("--tls-cert", str(certificate), "--tls-key", str(key), "--workers", "2")
    context = trusting(authority)
    with serving(tmp_path, url, *flags) as server:
        port = port_of(server)
        before = peer_certificate(port, context)
        for old, new in zip((certificate, key), write_pair(tmp_path, "n", authority), strict=True):
            new.replace(old)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        seen = {peer_certificate(port, context) for _ in range(20)}
        assert before not in seen
        assert len(seen) == 1
    databases.discard(url)


def test_a_bank_on_https_answers_no_plain_http_and_outlives_those_who_try(tmp_path: Path):
    with serving(
        tmp_path, bank_in(tmp_path), "--tls", "dev", "--set", "header_seconds=1"
    ) as server:
        port = port_of(server)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert b"pong" not in plain.recv(4096)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as silent:
            assert silent.recv(1) == b"", "a handshake that never begins is given up"
        context = trusting(DevFiles(tmp_path / "minibank-tls").ca)
        assert peer_certificate(port, context)
        assert "Traceback" not in server.said()


def test_what_is_wrong_with_a_certificate_is_said_in_one_sentence(
    tmp_path: Path, authority: trustme.CA
):
    certificate, key = write_pair(tmp_path, "good", authority)
    other, other_key = write_pair(tmp_path, "other", authority)
    expired, expired_key = write_pair(tmp_path, "expired", authority, since=-40)
    future, future_key = write_pair(tmp_path, "future", authority, since=5)
    junk = tmp_path / "junk"
    junk.write_text("no certificate")
    junk.chmod(0o600)
    missing = tmp_path / "missing"
    cases = [
        (missing, key, "tls_cert: .*missing cannot be read"),
        (certificate, missing, "tls_key: .*missing cannot be read"),
        (tmp_path, key, "tls_cert: .*cannot be read"),
        (junk, key, "tls_cert: .*junk holds no certificate"),
        (certificate, junk, "tls_key: .*cannot be used"),
        (certificate, other_key, "is not the key of"),
        (expired, expired_key, r"expired on \d{4}-\d\d-\d\d"),
        (future, future_key, r"valid only from \d{4}-\d\d-\d\d"),
    ]
    for chosen, chosen_key, sentence in cases:
        with pytest.raises(StartError, match=sentence):
            ServerTls(given(chosen, chosen_key))
    assert ServerTls(given(other, other_key)).context


def test_a_key_that_everybody_may_read_or_that_has_a_passphrase_is_refused(
    tmp_path: Path, authority: trustme.CA
):
    certificate, key = write_pair(tmp_path, "good", authority)
    key.chmod(0o644)
    with pytest.raises(StartError, match=f"chmod 600 {key}"):
        ServerTls(given(certificate, key))
    key.chmod(0o640)
    assert ServerTls(given(certificate, key)).context, "a group may read it"
    protected = tmp_path / "protected.key"
    command = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", str(key)]
    subprocess.run([*command, "-out", str(protected)], check=True, capture_output=True)
    protected.chmod(0o600)
    with pytest.raises(StartError, match="passphrase"):
        ServerTls(given(certificate, protected))


def test_a_bank_with_a_bad_certificate_does_not_start_and_says_so_in_one_line(tmp_path: Path):
    flags = ("--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key")
    with serving(tmp_path, bank_in(tmp_path), *flags) as server:
        assert server.process.wait(30) == 2
        assert server.said() == (
            "minibank: tls_key: nowhere.key cannot be read: No such file or directory\n"
        )


def test_a_directory_that_cannot_hold_certificates_is_said_in_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="certificates cannot be kept in"):
        ServerTls(Settings(tls="dev", tls_directory=str(tmp_path / "file" / "tls")))


def test_the_hosts_command_says_what_leads_a_client_here(tmp_path: Path):
    cli = CommandLine(tmp_path, {"MINIBANK_DATABASE": bank_in(tmp_path)})
    refused = cli.try_("hosts")
    assert refused.status == 2
    assert "--tls dev" in refused.err
    files = DevFiles(tmp_path / "minibank-tls")
    ensure_dev_files(files, NAMES)
    lines = cli.run("hosts", "--lines", "--address", "::1").out.splitlines()
    assert lines == [f"::1 {name}" for name in HISTORIC_HOSTS]
    found = cli.run("hosts", "--json").json
    assert found["hosts"] == list(HISTORIC_HOSTS)
    assert found["ca_file"] == found["variables"]["NODE_EXTRA_CA_CERTS"] == str(files.ca)
    script = cli.run("hosts", "--variables").out + 'printf %s "$SSL_CERT_FILE $REQUESTS_CA_BUNDLE"'
    shell = subprocess.run(
        ["/bin/sh", "-eu"], input=script, capture_output=True, text=True, check=True
    )
    assert shell.stdout == f"{files.ca} {files.ca}"
    everything = cli.run("hosts").out
    for line in [*cli.run("hosts", "--lines").out.splitlines(), "--port 443"]:
        assert line in everything
