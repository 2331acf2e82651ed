"""Addresses below /api/v1/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.api import restores, uploads
from apps.api.care_events import CareEventsView
from apps.api.collections import CollectionView, ReceiptsOfCollectionView, ReceiptsView
from apps.api.devices import CapacityView, EnrolView, RequestsView, TerminalsView, TerminalView
from apps.api.doors import behind, door
from apps.api.orders import (
    CancelView,
    ConfirmView,
    EstimateView,
    KindsView,
    OrderMessagesView,
    OrderOutputView,
    OrdersView,
    OrderView,
    RequestView,
)
from apps.api.restores import RestoredView, RestoresView
from apps.api.share_links import ShareLinkView
from apps.facilities.methods import by_method
from apps.facilities.models import Role, Scope

app_name = "api"
HANDOVER = door(scope=Scope.HANDOVER)
REPORT = door(scope=Scope.REPORT)
RESTORE = door(role=Role.MEMBER, scope=Scope.RESTORE)
CARE = door(role=Role.MEMBER, scope=Scope.CARE)
FOLLOW, PLACE = door(scope=Scope.ORDERS_READ), door(role=Role.MEMBER, scope=Scope.ORDERS_PLACE)
FETCH, SHARE = (door(scope=each.scope, role=each.role, own_scope=True) for each in (FOLLOW, PLACE))
F = "f/<slug:facility_slug>/"
urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    path("enrol/", EnrolView.as_view(), name="enrol"),
    path(f"{F}terminals/", behind(TerminalsView, GET=HANDOVER), name="terminals"),
    path(f"{F}terminals/<uuid:terminal_uid>/", behind(TerminalView, GET=REPORT), name="terminal"),
    path(f"{F}terminals/<uuid:terminal_uid>/capacity/", behind(CapacityView, POST=REPORT), name="capacity"),
    path(f"{F}terminals/<uuid:terminal_uid>/requests/", behind(RequestsView, POST=REPORT), name="requests"),
    path(f"{F}uploads/", by_method(POST=uploads.create, OPTIONS=uploads.options), name="uploads"),
    path(
        f"{F}uploads/<uuid:upload_uid>/",
        by_method(HEAD=uploads.look, PATCH=uploads.patch, DELETE=uploads.terminate, OPTIONS=uploads.options),
        name="upload",
    ),
    path(f"{F}collections/<uuid:collection_uid>/", behind(CollectionView, GET=HANDOVER), name="collection"),
    path(
        f"{F}collections/<uuid:collection_uid>/receipts/",
        behind(ReceiptsOfCollectionView, GET=HANDOVER),
        name="receipts_of_collection",
    ),
    path(f"{F}restores/", behind(RestoresView, GET=RESTORE), name="restores"),
    path(f"{F}restores/<uuid:order_uid>/manifest/", restores.manifest, name="restore_manifest"),
    path(f"{F}restores/<uuid:order_uid>/files/<slug:key>/", restores.file, name="restored_file"),
    path(f"{F}restores/<uuid:order_uid>/restored/", behind(RestoredView, POST=RESTORE), name="restored"),
    path(f"{F}care-events/", behind(CareEventsView, POST=CARE), name="care_events"),
    path(f"{F}order-kinds/", behind(KindsView, GET=FOLLOW), name="order_kinds"),
    path(f"{F}order-estimates/", behind(EstimateView, POST=PLACE), name="order_estimates"),
    path(f"{F}orders/", behind(OrdersView, GET=FOLLOW, POST=PLACE), name="orders"),
    path(f"{F}orders/<uuid:order_uid>/", behind(OrderView, GET=FOLLOW), name="order"),
    path(f"{F}orders/<uuid:order_uid>/request/", behind(RequestView, POST=PLACE), name="request_order"),
    path(f"{F}orders/<uuid:order_uid>/cancel/", behind(CancelView, POST=PLACE), name="cancel_order"),
    path(f"{F}orders/<uuid:order_uid>/confirm/", behind(ConfirmView, POST=PLACE), name="confirm_order"),
    path(
        f"{F}orders/<uuid:order_uid>/messages/",
        behind(OrderMessagesView, GET=FOLLOW, POST=PLACE),
        name="order_messages",
    ),
    path(f"{F}orders/<uuid:order_uid>/output/", behind(OrderOutputView, GET=FETCH), name="order_output"),
    path(
        f"{F}orders/<uuid:order_uid>/share-link/",
        behind(ShareLinkView, GET=FETCH, POST=SHARE, DELETE=SHARE),
        name="share_link",
    ),
    path(f"{F}receipts/", behind(ReceiptsView, GET=HANDOVER), name="receipts"),
]
