"""The operation of verification."""

from typing import Final

from provenance.api.operations import Answer, Body, Operation, struct
from provenance.api.services import Services
from provenance.api.verification.answers import Verification, VerificationRequest
from provenance.api.verification.routes import Verifying

TAG: Final = "Verification"
_BODY: Final = {"anyOf": [struct(VerificationRequest), {"$ref": "#/components/schemas/Receipt"}]}


def operations(services: Services) -> list[Operation]:
    """Verify receipts."""
    return [
        Operation(
            name="verify_receipts",
            method="POST",
            path="/v1/verify",
            summary="Verdicts on one receipt or several, with or without payloads",
            description=(
                "A body that is a receipt, or an envelope of several. The service checks what it "
                "made itself, which convinces nobody: verify independently."
            ),
            tag=TAG,
            handler=Verifying(services).verify,
            body=Body(_BODY),
            answers={200: Answer("The verdicts", struct(Verification))},
        )
    ]
