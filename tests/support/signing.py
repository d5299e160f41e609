"""Signed PDFs, with a certificate that nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers


def signed(body: bytes) -> bytes:
    """The PDF, signed by an incremental update, as most are."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "signer.p12")
        path.write_bytes(_pkcs12())
        signer = signers.SimpleSigner.load_pkcs12(str(path))  # type: ignore[no-untyped-call]  # pyhanko has none
    writer = IncrementalPdfFileWriter(BytesIO(body), strict=False)
    metadata = signers.PdfSignatureMetadata(field_name="Signature")
    output = signers.sign_pdf(writer, metadata, signer=signer)
    return bytes(output.getbuffer())


def _pkcs12() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(b"signer", key, certificate, None, NoEncryption())
