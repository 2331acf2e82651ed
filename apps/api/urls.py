"""Addresses below /api/v1/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.api import uploads
from apps.api.care_events import CareEventsView
from apps.api.collections import CollectionView, ReceiptsOfCollectionView, ReceiptsView
from apps.api.devices import CapacityView, EnrolView, RequestsView, TerminalsView, TerminalView
from apps.api.doors import behind, door
from apps.facilities.methods import by_method
from apps.facilities.models import Role, Scope

app_name = "api"
HANDOVER = door(scope=Scope.HANDOVER)
REPORT = door(scope=Scope.REPORT)
CARE = door(role=Role.MEMBER, scope=Scope.CARE)
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
    path(f"{F}care-events/", behind(CareEventsView, POST=CARE), name="care_events"),
    path(f"{F}receipts/", behind(ReceiptsView, GET=HANDOVER), name="receipts"),
]
