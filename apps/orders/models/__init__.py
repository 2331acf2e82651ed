"""The tables of output orders."""

from apps.orders.models.nodes import Answer, Delivery, Node, Via
from apps.orders.models.orders import (
    ENDED,
    TRANSITIONS,
    WAITING,
    Message,
    Order,
    OrderAddress,
    OrderItem,
    OrderKind,
    OrderPassword,
    OrderQuerySet,
    Output,
    QuoteLine,
    ShareLink,
    ShareOpening,
    State,
    Step,
)
from apps.orders.models.printers import MediumType, Printer, PrintJob

__all__ = [
    "ENDED",
    "TRANSITIONS",
    "WAITING",
    "Answer",
    "Delivery",
    "MediumType",
    "Message",
    "Node",
    "Order",
    "OrderAddress",
    "OrderItem",
    "OrderKind",
    "OrderPassword",
    "OrderQuerySet",
    "Output",
    "PrintJob",
    "Printer",
    "QuoteLine",
    "ShareLink",
    "ShareOpening",
    "State",
    "Step",
    "Via",
]
