"""Who is told what of contract versions."""

from django.urls import reverse

from apps.accounts.models import User
from apps.contracts.models import ContractVersion, Signature
from apps.facilities.models import Facility, Membership, Role
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell


def tell_of_offer(version: ContractVersion, facility: Facility, *, by: User | None) -> None:
    """That it waits for a signature, unless an owner drew it up, who signs it in the same act."""
    owners = Membership.objects.filter(facility=facility, role=Role.OWNER)
    if by and owners.filter(user=by).exists():
        return
    path = reverse("portal:sign_version", kwargs={"facility_slug": facility.slug, "version_id": version.pk})
    tell(Kind.CONTRACT_TO_SIGN, facility=facility, about=("contract_version", version.pk), path=path,
         due_on=version.effective_from)  # fmt: skip


def tell_of_agreement(version: ContractVersion, facility: Facility) -> None:
    """That it is agreed, once it is signed and, where its tier asks for that, approved."""
    signed = Signature.objects.filter(facility=facility, version=version)
    if version.is_agreed and signed.exists():
        tell(Kind.CONTRACT_CHANGED, facility=facility, about=("contract_version", version.pk),
             path=reverse("portal:plan", kwargs={"facility_slug": facility.slug}),
             facts={"effective_on": f"{version.effective_from}"})  # fmt: skip
