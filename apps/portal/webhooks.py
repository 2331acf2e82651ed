"""The webhooks of a facility, for its owners: where its own systems are told, what was sent, and what they answered."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.acting import attempt
from apps.core.errors import DomainError
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.notifications.kinds import GROUPS, Kind
from apps.notifications.models import Webhook, WebhookDelivery
from apps.notifications.webhooks import (
    add_webhook,
    renew_secret,
    revoke_webhook,
    send_again,
    send_test,
    switch_on,
)
from apps.portal.numbers import whole_number

PAGE = 25


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    kinds = [kind for kind in Kind if not kind.is_for_staff]
    return [
        (str(title), [(kind.value, str(kind.label)) for kind in kinds if kind.value.startswith(f"{group}.")])
        for group, title in GROUPS.items()
        if group != "staff"
    ]


class WebhookForm(forms.Form):
    """A new webhook: where, what it is, and what it is told of."""

    label = forms.CharField(label=gettext_lazy("Label"), max_length=100, help_text=gettext_lazy("What listens there."))
    url = forms.CharField(
        label=gettext_lazy("Address"), max_length=500, help_text=gettext_lazy("It begins with https://."),
        widget=forms.URLInput,
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What it is told of"),
        choices=_choices,
        initial=[Kind.COLLECTION_RECEIVED, Kind.COLLECTION_STORED, Kind.COLLECTION_FAILED, Kind.COLLECTION_PARTIAL],
        widget=forms.CheckboxSelectMultiple,
    )


@facility_door(role=Role.OWNER)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_list(request: FacilityRequest) -> HttpResponse:
    """All of them; POST adds one, whose secret is in that answer and nowhere else."""
    if request.method != "POST":
        return _list(request, WebhookForm())
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            webhook, secret = add_webhook(
                request.facility,
                url=form.cleaned_data["url"],
                label=form.cleaned_data["label"],
                kinds=[Kind(kind) for kind in form.cleaned_data["kinds"]],
                actor=request.actor,
                now=timezone.now(),
            )
        except DomainError as error:
            form.add_error("url", error.message)
        else:
            return _page(request, webhook, secret=secret)
    return _list(request, form, status=422)


@facility_door(role=Role.OWNER)
@require_http_methods(["GET", "HEAD"])
def webhook_page(request: FacilityRequest, webhook_id: int) -> HttpResponse:
    """One, and what was sent to it, newest first."""
    return _page(request, _found(request, webhook_id))


@facility_door(role=Role.OWNER)
@never_cache
@require_POST
def renew(request: FacilityRequest, webhook_id: int) -> HttpResponse:
    """Another secret, which is in this answer and nowhere else."""
    webhook = _found(request, webhook_id)
    try:
        secret = renew_secret(webhook, actor=request.actor, now=timezone.now())
    except DomainError as error:
        messages.error(request, error.message)
        return _back(request, webhook)
    return _page(request, _found(request, webhook_id), secret=secret)


@facility_door(role=Role.OWNER)
@require_POST
def test(request: FacilityRequest, webhook_id: int) -> HttpResponse:
    """Send a message that tells of nothing."""
    webhook, now = _found(request, webhook_id), timezone.now()
    return _done(
        request, webhook, lambda: send_test(webhook, actor=request.actor, now=now),
        _("A test message is on its way: look at its answer below in some seconds."),
    )  # fmt: skip


@facility_door(role=Role.OWNER)
@require_POST
def listen_again(request: FacilityRequest, webhook_id: int) -> HttpResponse:
    """Switch it on again."""
    webhook, now = _found(request, webhook_id), timezone.now()
    return _done(
        request, webhook, lambda: switch_on(webhook, actor=request.actor, now=now),
        _("The webhook listens again. What it missed in the last 30 days is sent."),
    )  # fmt: skip


@facility_door(role=Role.OWNER)
@require_POST
def revoke(request: FacilityRequest, webhook_id: int) -> HttpResponse:
    """End it."""
    webhook, now = _found(request, webhook_id), timezone.now()
    return _done(
        request, webhook, lambda: revoke_webhook(webhook, actor=request.actor, now=now),
        _("The webhook is revoked. Nothing is sent there any more."),
    )  # fmt: skip


@facility_door(role=Role.OWNER)
@require_POST
def again(request: FacilityRequest, delivery_id: int) -> HttpResponse:
    """Send the same message once more."""
    found = WebhookDelivery.objects.select_related("webhook")
    delivery, now = get_object_or_404(found, facility=request.facility, pk=delivery_id), timezone.now()
    return _done(
        request, delivery.webhook, lambda: send_again(delivery, actor=request.actor, now=now),
        _("The message is sent again, with the same id."),
    )  # fmt: skip


def _list(request: FacilityRequest, form: WebhookForm, status: int = 200) -> HttpResponse:
    found = Webhook.objects.filter(facility=request.facility, revoked_at=None).order_by("-pk")
    return render(request, "notifications/webhooks.html", {"webhooks": found, "form": form}, status=status)


def _page(request: FacilityRequest, webhook: Webhook, *, secret: str = "") -> HttpResponse:
    deliveries = WebhookDelivery.objects.filter(facility=request.facility, webhook=webhook).order_by("-pk")
    if (before := whole_number(request.GET.get("before", ""))) is not None:
        deliveries = deliveries.filter(pk__lt=before)
    page = list(deliveries[: PAGE + 1])
    context = {
        "webhook": webhook,
        "kinds": [Kind(kind).label for kind in webhook.kinds],
        "deliveries": page[:PAGE],
        "before": before,
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "secret": secret,
    }
    return render(request, "notifications/webhook.html", context)


def _found(request: FacilityRequest, webhook_id: int) -> Webhook:
    return get_object_or_404(Webhook, facility=request.facility, pk=webhook_id)


def _done(request: FacilityRequest, webhook: Webhook, act: Callable[[], object], done: str) -> HttpResponse:
    attempt(request, act, done=done)
    return _back(request, webhook)


def _back(request: FacilityRequest, webhook: Webhook) -> HttpResponse:
    return redirect("portal:webhook", facility_slug=request.facility.slug, webhook_id=webhook.pk)
