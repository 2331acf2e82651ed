"""Addresses of the clinics' pages below /f/<facility_slug>/. They hold ids and never patient data."""

from django.urls import path

from apps.portal import collections, dashboard, images, receipts, series, studies, terminals

app_name = "portal"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("studies/", studies.study_list, name="studies"),
    path("studies/<int:study_id>/", studies.study_page, name="study"),
    path("series/<int:series_id>/", series.viewer, name="series"),
    path("images/<int:instance_id>/preview", images.preview, name="preview"),
    path("images/<int:instance_id>/download", images.download, name="download"),
    path("collections/", collections.collection_list, name="collections"),
    path("collections/<int:collection_id>/", collections.collection_page, name="collection"),
    path("collections/<int:collection_id>/receipts/<str:kind>.jws", receipts.download, name="receipt"),
    path("terminals/", terminals.terminal_list, name="terminals"),
    path("terminals/<int:terminal_id>/", terminals.terminal_page, name="terminal"),
    path("terminals/<int:terminal_id>/ask", terminals.ask, name="ask_for_collection"),
    path("terminals/<int:terminal_id>/code", terminals.give_code, name="enrolment_code"),
    path("requests/<int:request_id>/withdraw", terminals.withdraw, name="withdraw_request"),
]
