"""A bucket at an S3 endpoint by TLS: whose certificate is trusted, and what is said when it is not."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from strandkeep.bucket_settings import S3Place
from strandkeep.buckets import BucketAway, s3
from strandkeep.buckets.s3 import S3Bucket


class Empty(BaseHTTPRequestHandler):
    """Has nothing."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - the name is that of BaseHTTPRequestHandler

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of `localhost` by itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(datetime.now(UTC)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + private)
    return path


@pytest.fixture
def place(certificate, monkeypatch):
    """A bucket without objects, at an endpoint with that certificate."""
    monkeypatch.setattr(s3, "PAUSES", ())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(("127.0.0.1", 0), Empty) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield S3Place("lab", endpoint=f"https://localhost:{server.server_port}")
        server.shutdown()


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(place):
    with pytest.raises(BucketAway, match="its certificate is not trusted"):
        S3Bucket(place).size_of("key")


def test_a_certificate_is_trusted_that_the_machine_trusts(place, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert S3Bucket(place).size_of("key") is None
