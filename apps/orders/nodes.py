"""Receiving nodes: registered by staff, offered to their facility when it orders."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audit.record import Actor, record
from apps.core.sealing import seal_text, unseal_text
from apps.facilities.models import Facility
from apps.orders.models import Node, Order
from apps.orders.options import Options


class NodeOptions(Options):
    """Which node it goes to. Kept with its name: an order tells of it however the node is called later."""

    node = forms.ChoiceField(
        label=_("Receiving node"), help_text=_("The center registers further nodes: write to it on any order."),
    )  # fmt: skip

    def __init__(
        self, facility: Facility, given: Mapping[str, Any] | None = None, *, has_choices: bool = False
    ) -> None:
        super().__init__(facility, given, has_choices=has_choices)
        self._names = {str(node.pk): node.name for node in nodes_of(facility)}
        field = self.fields["node"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(self._names.items())
        is_asked = given is not None and "node" in given  # a page that is opened has it filled in, a program has not
        if not self.data.get("node") and not (is_asked and len(self._names) > 1):
            self.data = {**self.data, "node": next(iter(self._names), "")}

    @property
    def chosen(self) -> dict[str, Any]:
        wanted = super().chosen
        return wanted | {"node": int(wanted["node"]), "node_name": self._names[wanted["node"]]}

    @classmethod
    def told(cls, chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
        return super().told({**chosen, "node": chosen["node_name"]})


def nodes_of(facility: Facility) -> list[Node]:
    """Those that may be ordered to, by name."""
    return list(Node.objects.filter(facility=facility, is_enabled=True).order_by("name"))


def node_of(order: Order) -> Node | None:
    """The node that an order goes to, if it is one that does."""
    key = order.options.get("node")
    return Node.objects.get(facility_id=order.facility_id, pk=key) if key else None


def set_authorization(node: Node, authorization: str, *, actor: Actor) -> None:
    """What a DICOMweb server wants in its Authorization header; kept sealed. Within the caller's transaction."""
    node.sealed_authorization = seal_text(authorization)
    node.save(update_fields=["sealed_authorization"])
    record("node.authorization_set", actor=actor, object_type="node", object_id=node.pk, facility_id=node.facility_id)


def authorization_of(node: Node) -> str:
    """The same, unsealed."""
    return unseal_text(bytes(node.sealed_authorization)) if node.sealed_authorization else ""
