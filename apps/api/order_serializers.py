"""Orders as programs give and get them."""

from typing import Any

from rest_framework import serializers

from apps.api.fields import BoundedListField
from apps.orders.choosing import MOST_CHOSEN, Choice
from apps.orders.kinds import KINDS
from apps.orders.models import Message, Order, OrderItem, OrderKind, QuoteLine, State, Step
from apps.orders.ordered import later_images_of
from apps.tiers.models import Item


class ItemSerializer(serializers.ModelSerializer[OrderItem]):
    """A study, one of its series, or one image of a series; by UID."""

    study = serializers.CharField(source="study_instance_uid", max_length=64)
    series = serializers.CharField(source="series_instance_uid", max_length=64, allow_blank=True, default="")
    image = serializers.CharField(source="sop_instance_uid", max_length=64, allow_blank=True, default="")

    class Meta:
        model = OrderItem
        fields = ("study", "series", "image")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["sop_instance_uid"] and not attrs["series_instance_uid"]:
            raise serializers.ValidationError({"series": "An image is one of a series: name both"})
        return attrs


class OptionField(serializers.CharField):
    """The value of an option: a text, a number, or yes or no."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(str(data) if isinstance(data, bool) else data)


class WishSerializer(serializers.Serializer[Any]):
    """What is to be priced: options that are left out are as they begin."""

    kind = serializers.ChoiceField(choices=OrderKind.choices)
    items = BoundedListField(child=ItemSerializer(), max_length=MOST_CHOSEN, default=list)
    options = serializers.DictField(child=OptionField(allow_blank=True, max_length=1000), default=dict)

    def validate_kind(self, kind: str) -> str:
        if kind not in KINDS:
            raise serializers.ValidationError("The center gives out nothing of this kind yet")
        return kind

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["choices"] = [Choice(**each) for each in attrs["items"]]
        options = KINDS[attrs["kind"]].options
        if options.needs_choices and not attrs["items"]:
            raise serializers.ValidationError({"items": "Say what the order is of"})
        fields = options.base_fields
        if unknown := set(attrs["options"]) - set(fields):
            raise serializers.ValidationError({"options": {name: ["There is no such option"] for name in unknown}})
        attrs["options"] = {name: field.initial for name, field in fields.items()} | attrs["options"]
        return attrs


class QuoteWishSerializer(WishSerializer):
    """What is to be quoted. `uid`: the caller's own, so that the same may be asked twice."""

    is_urgent = serializers.BooleanField(default=False)
    uid = serializers.UUIDField(required=False, default=None)


class LineSerializer(serializers.ModelSerializer[QuoteLine]):
    """A line of a quote."""

    item = serializers.ChoiceField(choices=Item.choices)

    class Meta:
        model = QuoteLine
        fields = ("item", "quantity", "unit_price", "amount")


class QuoteSerializer(serializers.Serializer[Any]):
    """A price and a time, before anything is quoted."""

    lines = LineSerializer(many=True)
    currency = serializers.CharField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    ready_hours = serializers.IntegerField()


class EstimateSerializer(serializers.Serializer[Any]):
    """Both speeds, and what is to be known of these images before they are ordered so."""

    normal = QuoteSerializer()
    urgent = QuoteSerializer()
    notes = serializers.ListField(child=serializers.CharField())


class StepSerializer(serializers.ModelSerializer[Step]):
    """That the order came into a state."""

    state = serializers.ChoiceField(choices=State.choices)

    class Meta:
        model = Step
        fields = ("state", "at", "note")


class ListedOrderSerializer(serializers.ModelSerializer[Order]):
    """An order in a list."""

    number = serializers.CharField(source="__str__")
    kind = serializers.ChoiceField(choices=OrderKind.choices)
    state = serializers.ChoiceField(choices=State.choices)

    class Meta:
        model = Order
        fields: tuple[str, ...] = (
            "uid", "number", "kind", "state", "is_urgent", "options", "currency", "amount", "ready_hours",
            "instance_count", "size_bytes", "quoted_at", "valid_until", "requested_at", "due_at", "emergency",
            "tracking_number", "delivered_at", "offered_until", "problem",
        )  # fmt: skip


class OrderSerializer(ListedOrderSerializer):
    """An order with what it is of, what it costs and how it went."""

    later_images = serializers.SerializerMethodField(help_text="that came after the quote, and are not part of it")
    items = ItemSerializer(many=True)
    lines = LineSerializer(many=True)
    steps = StepSerializer(many=True)

    class Meta(ListedOrderSerializer.Meta):
        fields = (*ListedOrderSerializer.Meta.fields, "later_images", "items", "lines", "steps")

    def get_later_images(self, order: Order) -> int:
        return later_images_of(order).count()


class EmergencySerializer(serializers.Serializer[Any]):
    """Why it cannot wait for an overdue invoice."""

    emergency = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class MessageSerializer(serializers.ModelSerializer[Message]):
    """What was written about an order."""

    text = serializers.CharField(max_length=2000)

    class Meta:
        model = Message
        fields = ("text", "is_from_center", "at")
        read_only_fields = ("is_from_center", "at")


class MessagesSerializer(serializers.Serializer[Any]):
    """All of it, in its order."""

    messages = MessageSerializer(many=True)


class PasswordSerializer(serializers.Serializer[Any]):
    """What opens the media of an order."""

    password = serializers.CharField()


class OptionSerializer(serializers.Serializer[Any]):
    """Something to choose: its name, what it takes, and how it begins."""

    name = serializers.CharField()
    title = serializers.CharField()
    help = serializers.CharField()
    type = serializers.ChoiceField(choices=["string", "integer", "boolean", "choice", "email"])
    is_required = serializers.BooleanField()
    initial = serializers.JSONField()
    min = serializers.IntegerField(allow_null=True)
    max = serializers.IntegerField(allow_null=True)
    max_length = serializers.IntegerField(allow_null=True)
    choices = serializers.DictField(child=serializers.CharField(), allow_null=True)


class KindSerializer(serializers.Serializer[Any]):
    """A form in which images leave."""

    kind = serializers.CharField()
    title = serializers.CharField()
    is_fetched = serializers.BooleanField()
    needs_items = serializers.BooleanField()
    options = OptionSerializer(many=True)


class KindsSerializer(serializers.Serializer[Any]):
    """All of them."""

    kinds = KindSerializer(many=True)


class VisitSerializer(serializers.Serializer[Any]):
    """Somebody came by the link, or it was made or ended; `network` is that of the address."""

    at = serializers.DateTimeField()
    what = serializers.CharField()
    network = serializers.CharField()


class ShareSerializer(serializers.Serializer[Any]):
    """An order's share link and who came by it, newest first."""

    is_open = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    downloads_left = serializers.IntegerField(allow_null=True)
    visits = VisitSerializer(many=True)


class MadeLinkSerializer(serializers.Serializer[Any]):
    """A link, told once."""

    address = serializers.CharField()
    code = serializers.CharField()
    asks_birth_date = serializers.BooleanField()
    is_mailed = serializers.BooleanField()
