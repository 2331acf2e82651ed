"""The sub-operations of a retrieval: counted, told of, and summed up at the end (PS3.7, 9.1.3 and 9.1.4)."""

from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from apps.dicomnet.association import Message
from apps.dicomnet.commands import Element, Value
from apps.dicomnet.session import Session

SUCCESS, PENDING, CANCELLED, SOME_FAILED, ALL_FAILED = 0x0000, 0xFF00, 0xFE00, 0xB000, 0xA702


@dataclass(slots=True)
class SubOperations:
    """Counts of one retrieval; `failed` holds SOP Instance UIDs."""

    session: Session
    message: Message
    remaining: int
    completed: int = 0
    warned: int = 0
    failed: list[str] = field(default_factory=list)

    def count(self, sop_instance_uid: str, status: int | None) -> None:
        """Note how one ended: None where it could not even be tried."""
        self.remaining -= 1
        if status == 0:
            self.completed += 1
        elif status is not None and (status >> 12 == 0xB or status in {0x0001, 0x0107, 0x0116}):
            self.warned += 1
        else:
            self.failed.append(sop_instance_uid)

    def tell(self) -> None:
        """A pending response."""
        self.session.answer(self.message, self._response(PENDING))

    def end(self, *, is_cancelled: bool = False) -> None:
        """The last response, with the UIDs of what failed."""
        status = SUCCESS
        if is_cancelled:
            status = CANCELLED
        elif self.failed:
            status = SOME_FAILED if self.completed or self.warned else ALL_FAILED
        response = self._response(status)
        if not is_cancelled:
            del response[Element.NUMBER_OF_REMAINING_SUBOPERATIONS]
        identifier = None
        if status != SUCCESS:
            identifier = Dataset()
            identifier.FailedSOPInstanceUIDList = self.failed
        self.session.answer(self.message, response, identifier)

    def _response(self, status: int) -> dict[Element, Value]:
        return {
            Element.AFFECTED_SOP_CLASS_UID: self.message.context.abstract_syntax,
            Element.STATUS: status,
            Element.NUMBER_OF_REMAINING_SUBOPERATIONS: self.remaining,
            Element.NUMBER_OF_COMPLETED_SUBOPERATIONS: self.completed,
            Element.NUMBER_OF_FAILED_SUBOPERATIONS: len(self.failed),
            Element.NUMBER_OF_WARNING_SUBOPERATIONS: self.warned,
        }
