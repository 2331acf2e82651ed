"""Addresses below /f/<facility_slug>/dicom-web/ (PS3.18, 10.1)."""

from django.urls import URLPattern

app_name = "dicomweb"
urlpatterns: list[URLPattern] = []
