"""What an order is of, once it was quoted: the images that were counted then, however many, and never later ones."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.catalog.models import Instance, Study
from apps.orders.choosing import in_order
from apps.orders.models import Order, OrderItem

AT_ONCE = 2000


class Images:
    """The images of an order, study by study and series by series, in the order of their numbers.

    Each time they are gone through they are read anew, a few at once: an order may be of millions. Within a
    transaction. Those of a series share it, and those of a pack in a row share that.
    """

    def __init__(self, order: Order) -> None:
        self._order = order

    def __iter__(self) -> Iterator[Instance]:
        return _sharing(in_order(images_of(self._order)).iterator(AT_ONCE))

    def __bool__(self) -> bool:
        return images_of(self._order).exists()


def images_of(order: Order) -> QuerySet[Instance]:
    """What was counted for the quote; in no order."""
    return _chosen(order).filter(pk__lte=order.newest_counted)


def later_images_of(order: Order) -> QuerySet[Instance]:
    """What came into that which was chosen since the quote: it is not given out by this order."""
    return _chosen(order).filter(pk__gt=order.newest_counted)


def studies_of_order(order: Order) -> QuerySet[Study]:
    """The studies of which anything was chosen."""
    uids = items_of(order).values("study_instance_uid")
    return Study.objects.filter(facility_id=order.facility_id, study_instance_uid__in=uids)


def items_of(order: Order) -> QuerySet[OrderItem]:
    """What was chosen."""
    return OrderItem.objects.filter(facility_id=order.facility_id, order=order)


def _chosen(order: Order) -> QuerySet[Instance]:
    among = items_of(order).filter(
        Q(series_instance_uid="") | Q(series_instance_uid=OuterRef("series__series_instance_uid")),
        Q(sop_instance_uid="") | Q(sop_instance_uid=OuterRef("sop_instance_uid")),
        study_instance_uid=OuterRef("series__study__study_instance_uid"),
    )
    studies = studies_of_order(order)  # an index leads from them to the images; then it is looked at which of them
    return Instance.objects.filter(Exists(among), facility_id=order.facility_id, series__study__in=studies)


def _sharing(instances: Iterator[Instance]) -> Iterator[Instance]:
    series, pack = None, None
    for instance in instances:
        if series is not None and instance.series_id == series.pk:
            instance.series = series
        if pack is not None and instance.pack_id == pack.pk:
            instance.pack = pack
        series, pack = instance.series, instance.pack
        yield instance
