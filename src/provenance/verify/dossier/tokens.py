"""Tokens of time-stamping authorities (RFC 3161), checked with certificates that one trusts.

Rules: a response grants a token over the SHA-256 of the note; one signer signed it, whose
certificate is for time stamping only (critical, RFC 3161, section 2.3) and leads to a trusted one;
certificates have to be valid at the time that is stated, not now. Whether one was revoked is not
asked: that takes a network. A token whose certificates lead, by their names, to nobody that one
trusts is no wrong one: somebody else may trust its authority.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from cryptography import x509
from rfc3161_client import TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError

from provenance.core.digests import sha256
from provenance.verify.dossier.errors import CertificateError, TokenError, UnnamedAuthorityError
from provenance.verify.dossier.timestamps import ChecksToken, Stamped

MAX_CERTIFICATES: Final = 32
"""Certificates of one verifier: a few authorities and what stands between."""
_SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_LONGEST_NAME: Final = 200


def read_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Certificates of a PEM file.

    Raises:
        CertificateError: it holds none, too many, or something else.

    """
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise CertificateError(f"not certificates in PEM: {error}") from None
    if len(found) > MAX_CERTIFICATES:
        raise CertificateError(f"more than {MAX_CERTIFICATES} certificates")
    return found


def trusting(certificates: Sequence[x509.Certificate]) -> ChecksToken:
    """Check of tokens for who trusts the authorities of ``certificates``, at least one."""
    verifier = VerifierBuilder(roots=list(certificates)).build()

    def check(note: bytes, token: bytes) -> Stamped:
        try:
            response = decode_timestamp_response(token)
            _check_imprint(response, note)
            _check_named(response, certificates)
            verifier.verify(response, sha256(note))
            return _stamped(response)
        except TokenError:
            raise
        except VerificationError:
            # What the library says of it is OpenSSL's own record, for nobody to read.
            raise TokenError(
                "the time stamp is not by a trusted authority: its signature or its certificates "
                "do not hold"
            ) from None
        except Exception as error:  # noqa: BLE001 - the library raises more kinds than it names
            raise TokenError(f"the time stamp is malformed: {_short(error)}") from None

    return check


def stated(token: bytes) -> Stamped:
    """What a response says, unchecked: for reports of what is there.

    Raises:
        TokenError: it is no response that says so.

    """
    try:
        return _stamped(decode_timestamp_response(token))
    except TokenError:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises more kinds than it names
        raise TokenError(f"the time stamp is malformed: {_short(error)}") from None


def _check_imprint(response: TimeStampResponse, note: bytes) -> None:
    imprint = response.tst_info.message_imprint
    if imprint.hash_algorithm != _SHA256:
        raise TokenError("the time stamp is not over a SHA-256")
    if imprint.message != sha256(note):
        raise TokenError("the time stamp is over another checkpoint")


def _stamped(response: TimeStampResponse) -> Stamped:
    info = response.tst_info
    milliseconds = round(info.gen_time.astimezone(UTC).timestamp() * 1000)
    accuracy = info.accuracy
    if accuracy is not None:
        milliseconds += 1000 * (accuracy.seconds or 0) + (accuracy.millis or 0)
        milliseconds += 1 if accuracy.micros else 0
    return Stamped(latest=milliseconds, by=_signer(response))


def _check_named(response: TimeStampResponse, named: Sequence[x509.Certificate]) -> None:
    """Refuse a token whose signer's certificate leads to none of ``named``, by the names of issuers.

    Raises:
        UnnamedAuthorityError: it is by somebody else.

    """
    held = [x509.load_der_x509_certificate(data) for data in response.signed_data.certificates]
    subjects = {certificate.subject for certificate in named}
    certificate: x509.Certificate | None = _signers(response)
    for _ in range(len(held) + 1):
        if certificate is None:
            break
        if certificate in named or certificate.issuer in subjects:
            return
        issuer = certificate.issuer
        certificate = next((one for one in held if one.subject == issuer), None)
    raise UnnamedAuthorityError(_signer(response))


def _signer(response: TimeStampResponse) -> str:
    return _short(_signers(response).subject.rfc4514_string())


def _signers(response: TimeStampResponse) -> x509.Certificate:
    """Certificate of the one who signed."""
    (signer,) = response.signed_data.signer_infos
    for data in response.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(data)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return certificate
    raise TokenError("the time stamp does not hold its signer's certificate")


def _short(said: object) -> str:
    """Text for people, in terminals too."""
    text = "".join(letter if letter.isprintable() else "?" for letter in str(said))
    return text[:_LONGEST_NAME]
