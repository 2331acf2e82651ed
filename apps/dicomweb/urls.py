"""Addresses below /f/<facility_slug>/dicom-web/ (PS3.18, 10.1)."""

from django.urls import path

from apps.dicomweb import stow

app_name = "dicomweb"
urlpatterns = [
    path("studies", stow.store, name="studies"),
    path("studies/<str:study_instance_uid>", stow.store, name="study"),
]
