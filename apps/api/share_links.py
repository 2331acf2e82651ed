"""The share link of an order: made, ended, and who came by it."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.order_serializers import MadeLinkSerializer, ShareSerializer
from apps.api.orders import found_order
from apps.api.resource import Resource
from apps.facilities.tenancy import as_facility
from apps.orders.giving_links import give_link
from apps.orders.sharing import history_of, is_alive, link_of, network_of, revoke_link


class ShareLinkView(Resource):
    """An order's share link."""

    tag = "Orders"

    @extend_schema(operation_id="share_links_retrieve", responses=ShareSerializer)
    def get(self, request: Request, order_uid: UUID) -> Response:
        """Whether an order's share link opens, and who came by it."""
        with as_facility(entered(request).facility):
            order = found_order(request, order_uid)
            link = link_of(order)
            told = {
                "is_open": link is not None and is_alive(link, order, now=timezone.now()),
                "is_locked": link is not None and link.locked_at is not None,
                "downloads_left": link.downloads_left if link else None,
                "visits": [
                    {
                        "at": event.at,
                        "what": event.action.removeprefix("share_link."),
                        "network": network_of(event.source_address),
                    }
                    for event in history_of(order)
                ],
            }
        return Response(ShareSerializer(told).data)

    @extend_schema(operation_id="share_links_create", request=None, responses={201: MadeLinkSerializer})
    def post(self, request: Request, order_uid: UUID) -> Response:
        """A new link; the one before ends. Link and code are in this answer and nowhere else."""
        door = entered(request)
        with as_facility(door.facility):
            order = found_order(request, order_uid)
        given = give_link(order, actor=door.actor, now=timezone.now())
        return Response(MadeLinkSerializer(given).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="share_links_end", request=None, responses={204: None})
    def delete(self, request: Request, order_uid: UUID) -> Response:
        """End the link at once; again it changes nothing."""
        door = entered(request)
        with as_facility(door.facility):
            revoke_link(found_order(request, order_uid), actor=door.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
