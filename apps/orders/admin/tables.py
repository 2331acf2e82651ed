"""What the page of an order shows of it, table by table."""

from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from apps.catalog.admin.of_study import study_in_words
from apps.core.admin import ROWS_OF_A_TABLE, Table, link, link_to, minute
from apps.core.money import formatted, plain
from apps.orders.admin.sheets import print_tables
from apps.orders.choosing import studies_of
from apps.orders.delivering import delivery_of, refusals_of, standing_of, told
from apps.orders.kinds import KINDS
from apps.orders.kinds.bundle import members
from apps.orders.models import Fault, Order, OrderKind
from apps.orders.outputs import latest, made_output, opened
from apps.orders.statuses import in_words


def tables_of(order: Order) -> list[Table]:
    """All that there is to show."""
    tables = [_items(order), _wishes(order), _lines(order), _steps(order), _messages(order), _outputs(order)]
    return [*_faults(order), *tables, *_media(order), *_links(order), *print_tables(order), *_deliveries(order)]


def _items(order: Order) -> Table:
    items = list(order.items.filter(facility_id=order.facility_id).order_by("pk")[:ROWS_OF_A_TABLE])
    studies = {study.study_instance_uid: study for study in studies_of(order.facility_id, items)}
    rows: list[list[Any]] = []
    for item in items:
        study = studies.get(item.study_instance_uid)
        named = link_to(study, study_in_words(study)) if study else item.study_instance_uid
        rows.append([named, item.series_instance_uid or _("all"), item.sop_instance_uid or _("all")])
    return Table(_("What it is of"), [_("Study"), _("Series"), _("Image")], rows)


def _wishes(order: Order) -> Table:
    rows: list[list[Any]] = [[label, value] for label, value in KINDS[order.kind].options.told(order.options)]
    for address in order.addresses.filter(facility_id=order.facility_id):
        to = _("erased") if address.erased_at else f"{address.name}\n{address.lines}"
        rows.append([_("Sent to"), to])
    return Table(_("How it is wanted"), [_("What"), _("Value")], rows)


def _lines(order: Order) -> Table:
    rows = [
        [line.get_item_display(), plain(line.quantity), formatted(line.amount, order.currency)]
        for line in order.lines.filter(facility_id=order.facility_id).order_by("pk")
    ]
    return Table(_("Quote"), [_("Item"), _("Quantity"), _("Amount")], rows)


def _steps(order: Order) -> Table:
    found = order.steps.filter(facility_id=order.facility_id).select_related("by").order_by("pk")
    rows = [[minute(step.at), step.get_state_display(), step.by or _("by itself"), step.note] for step in found]
    return Table(_("What happened"), [_("At"), _("State"), _("By"), _("Note")], rows)


def _messages(order: Order) -> Table:
    found = order.messages.filter(facility_id=order.facility_id).select_related("by").order_by("pk")
    rows = [
        [minute(each.at), _("center") if each.is_from_center else _("facility"), each.by or _("a program"), each.text]
        for each in found
    ]
    return Table(_("Messages"), [_("At"), pgettext("sender", "From"), _("By"), _("Message")], rows)


def _outputs(order: Order) -> Table:
    rows = [
        [
            output.number,
            minute(output.started_at),
            output.attempts,
            minute(output.made_at),
            filesizeformat(output.size_bytes) if output.made_at else "-",
            bytes(output.sha256).hex() if output.sha256 else "-",
            minute(output.erased_at),
        ]
        for output in order.outputs.filter(facility_id=order.facility_id).order_by("number")
    ]
    headers = [_("Number"), _("Wanted"), _("Attempts"), _("Produced and checked"), _("Size"), _("SHA-256"), _("Erased")]
    return Table(_("Productions"), headers, rows)


def _faults(order: Order) -> list[Table]:
    """Of the latest production, and of the latest delivery to a node."""
    produced = latest().filter(facility_id=order.facility_id, order=order)
    found = Fault.objects.filter(facility_id=order.facility_id, output__in=produced).order_by("pk")
    rows = [[each.sop_instance_uid, each.why] for each in found[:ROWS_OF_A_TABLE]]
    delivery = delivery_of(order)
    refused = refusals_of(delivery)[: ROWS_OF_A_TABLE - len(rows)] if delivery else []
    rows += [[each.sop_instance_uid, in_words(each.status)] for each in refused]
    return [Table(_("Images that did not go through"), [_("SOP Instance UID"), _("Why")], rows)] if rows else []


def _media(order: Order) -> list[Table]:
    """What the output of media holds: images of discs, contents of sticks, labels."""
    address = reverse("admin:orders_order_fetch", args=[order.pk])
    rows: list[list[Any]] = [
        [link(f"{address}?{urlencode({'part': name})}", name), filesizeformat(size)]
        for name, (_start, size) in parts_of(order).items()
    ]
    return [Table(_("Media"), [_("File"), _("Size")], rows)] if rows else []


def parts_of(order: Order) -> dict[str, tuple[int, int]]:
    """Where in the output of media each part of it lies, and its length."""
    output = made_output(order) if order.kind == OrderKind.MEDIUM else None
    if output is None:
        return {}
    with opened(output) as file:
        return members(file)


def _links(order: Order) -> list[Table]:
    rows: list[list[Any]] = [
        [
            minute(link.made_at),
            link.made_by or _("a program"),
            link.downloads_left,
            link.refusals,
            minute(link.locked_at),
            minute(link.revoked_at),
        ]
        for link in order.links.filter(facility_id=order.facility_id).select_related("made_by").order_by("pk")
    ]
    headers = [_("Made"), _("By"), _("Downloads left"), _("Refusals"), _("Locked"), _("Ended")]
    return [Table(_("Share links"), headers, rows)] if rows else []


def _deliveries(order: Order) -> list[Table]:
    found = order.deliveries.filter(facility_id=order.facility_id).select_related("order__facility", "node")
    rows = [
        [each.number, each.node.destination, minute(each.wanted_at), told(standing_of(each)), minute(each.next_at),
         minute(each.ended_at), each.problem or "-"]
        for each in found.order_by("number")
    ]  # fmt: skip
    headers = [
        _("Number"),
        _("Node"),
        _("Wanted"),
        _("So far"),
        pgettext("attempt", "Next"),
        _("Delivered"),
        _("Problem"),
    ]
    return [Table(_("Deliveries"), headers, rows)] if rows else []
