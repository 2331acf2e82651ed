"""Addresses of the clinics' pages below /f/<facility_slug>/. They hold ids and never patient data."""

from django.urls import path

from apps.portal import collections, dashboard, images, series, studies

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
]
