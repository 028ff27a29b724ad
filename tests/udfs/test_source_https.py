"""A bucket over https://: reading, listing and refusing redirects, on a certificate of the test's own."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from schemas.rejects import Reason, Rejected
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import BUCKET, BucketServer
from tests.udfs.fault_proxy import FaultProxy
from udfs.source import Source, SourceOptions, open_source

KEY = "PMC1.1/fig 1.jpg"


def certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.now(UTC)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.add_extension(x509.BasicConstraints(key is signer, None), critical=True).sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file with the authority to trust."""
    folder = tmp_path_factory.mktemp("tls")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    authority = certificate("test authority", authority_key, "test authority", authority_key)
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(
        private + certificate("localhost", key, "test authority", authority_key).public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "authority.pem"


@pytest.fixture
def faults(bucket_server: BucketServer) -> FaultProxy:
    bucket_server.put(KEY, b"picture")
    return FaultProxy(bucket_server.url, BUCKET)


@pytest.fixture
def source(faults: FaultProxy, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    with faults.running(tls[0]) as url:
        yield open_source(SourceOptions(f"{url}/{BUCKET}", attempts=2, first_backoff_s=0.01))


def test_objects_are_read_and_listed(source: Source) -> None:
    assert source.read(KEY, 100) == b"picture"
    assert [info.key for info in source.list_keys("PMC1.1/")] == [KEY]


def test_faults_are_tried_again(source: Source, faults: FaultProxy) -> None:
    faults.plan(KEY, fault_proxy.truncated)
    assert source.read(KEY, 100) == b"picture"


@pytest.mark.parametrize("host", ["127.0.0.1", "x.localhost", "localhost."])
def test_a_redirect_to_another_host_is_refused(source: Source, faults: FaultProxy, host: str) -> None:
    faults.plan(KEY, fault_proxy.redirect(source.options.uri.replace("localhost", host) + "/PMC1.1/other.jpg"))
    with pytest.raises(Rejected) as caught:
        source.read(KEY, 100)
    assert caught.value.reason is Reason.FETCH_FAILED
    assert "redirect to another host refused" in caught.value.detail
    assert len(faults.requests) == 1


def test_a_redirect_to_another_port_is_refused(source: Source, faults: FaultProxy, tls: tuple[ssl.SSLContext, Path]) -> None:
    elsewhere = FaultProxy(faults.upstream, BUCKET)
    with elsewhere.running(tls[0]) as url:
        faults.plan(KEY, fault_proxy.redirect(f"{url}/{BUCKET}/PMC1.1/fig%201.jpg"))
        with pytest.raises(Rejected, match="redirect to another host refused"):
            source.read(KEY, 100)
    assert elsewhere.requests == []


def test_a_redirect_within_the_endpoint_is_followed(source: Source, faults: FaultProxy, bucket_server: BucketServer) -> None:
    bucket_server.put("PMC1.1/moved.jpg", b"moved")
    faults.plan(KEY, fault_proxy.redirect(f"{source.options.uri}/PMC1.1/moved.jpg"))
    assert source.read(KEY, 100) == b"moved"


def test_a_server_that_is_gone_ends_as_failed(faults: FaultProxy, tls: tuple[ssl.SSLContext, Path]) -> None:
    with faults.running(tls[0]) as url:
        pass
    with pytest.raises(Rejected, match="attempt 2") as caught:
        open_source(SourceOptions(f"{url}/{BUCKET}", attempts=2, first_backoff_s=0.01)).read(KEY, 100)
    assert caught.value.reason is Reason.FETCH_FAILED


def test_a_redirect_to_the_same_host_without_tls_is_refused(source: Source, faults: FaultProxy) -> None:
    plain = FaultProxy(faults.upstream, BUCKET)
    with plain.running() as url:
        faults.plan(KEY, *2 * [fault_proxy.redirect(f"{url.replace('127.0.0.1', 'localhost')}/{BUCKET}/PMC1.1/fig%201.jpg")])
        with pytest.raises(Rejected) as caught:
            source.read(KEY, 100)
    assert caught.value.reason is Reason.FETCH_FAILED
    assert plain.requests == []


def test_an_unknown_certificate_is_refused(
    faults: FaultProxy, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with faults.running(tls[0]) as url:
        source = open_source(SourceOptions(f"{url}/{BUCKET}", attempts=1))
        with pytest.raises(Rejected):
            source.read(KEY, 100)
    assert faults.requests == []
