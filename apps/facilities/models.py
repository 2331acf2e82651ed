"""Facilities, the people in them, and the tokens of their devices."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(models.TextChoices):
    """What a person may do in a facility; each role may do all that the ones after it may."""

    OWNER = "owner", _("Owner")
    MEMBER = "member", _("Member")
    VIEWER = "viewer", _("Viewer")

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class Scope(models.TextChoices):
    """What a device token may do."""

    STORE = "images:store", _("Store images")
    READ = "images:read", _("Search and read images")
    HANDOVER = "collections:handover", _("Hand over sealed collections, fetch their receipts")
    REPORT = "terminal:report", _("Report capacity, ask for collection")
    RESTORE = "images:restore", _("Fetch what was ordered to come back")
    CARE = "care:report", _("Report visits, discharges and other events of care")
    PERIODS = "periods:decide", _("Keep studies longer, hold them, let them be deleted once their period has ended")
    COLLECTIONS = "collections:read", _("Follow terminals, collections and receipts")
    REQUEST = "collections:request", _("Ask for collections, withdraw requests")
    BILLING = "billing:read", _("Read invoices, plan and contract")
    ORDERS_READ = "orders:read", _("Follow output orders, fetch what they gave out")
    ORDERS_PLACE = "orders:place", _("Quote, request and cancel output orders, make share links")
    AUDIT = "audit:read", _("Read who saw images, fetch signed heads of the record, ask for evidence reports")


class FacilityKind(models.TextChoices):
    """What a facility is to the law."""

    CLINIC = "clinic", _("Clinic")
    HOSPITAL = "hospital", _("Hospital")


class Facility(models.Model):
    """A clinic or hospital; the tenant. Every row that belongs to it carries its id."""

    slug = models.SlugField(_("address name"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166-1 alpha-2"))
    subdivision = models.CharField(
        _("state or province"), max_length=3, blank=True, help_text=_("ISO 3166-2, the part after the country: TX")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=FacilityKind, default=FacilityKind.CLINIC)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    language = models.CharField(_("language"), max_length=10, default="en", help_text=_("of letters and documents"))
    address = models.TextField(
        pgettext_lazy("postal", "address"), max_length=500, blank=True, help_text=_("where operators go")
    )
    receipts_to = models.EmailField(_("receipts are mailed to"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("facility")
        verbose_name_plural = _("facilities")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TenantModel(models.Model):
    """A row of one facility, kept apart by row-level security (core.migration_operations.tenant_table).

    A foreign key to another tenant row has `db_constraint=False` and a `same_facility` constraint instead.
    """

    # Every tenant table has a unique key that starts with the facility; another index would only slow inserts down.
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, db_index=False, verbose_name=_("facility"))

    class Meta:
        abstract = True


class Membership(TenantModel):
    """A person's role in a facility."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["facility", "user"], name="one_membership_a_person")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Invitation(TenantModel):
    """An invitation to join a facility; the secret in its link is kept as a digest alone."""

    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    secret_sha256 = models.BinaryField(unique=True, max_length=32)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("invited"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="invitation_of_facility")]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_role_display()})"

    @property
    def has_expired(self) -> bool:
        """The link is too old; it can be sent again."""
        return self.expires_at <= timezone.now()


class DeviceToken(TenantModel):
    """A device's key to one facility. The token is shown once; only its SHA-256 is kept."""

    SECRET_PREFIX: ClassVar[str] = "mv_"  # noqa: S105 tells people and scanners what it is

    label = models.CharField(_("label"), max_length=100)
    token_sha256 = models.BinaryField(unique=True, max_length=32)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope), verbose_name=_("scopes"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        verbose_name = _("device token")
        verbose_name_plural = _("device tokens")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="device_token_of_facility")]

    def __str__(self) -> str:
        return self.label

    @property
    def is_usable(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
