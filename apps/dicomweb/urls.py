"""Addresses below /f/<facility_slug>/dicom-web/ (PS3.18, 10.1)."""

from django.urls import path

from apps.dicomweb import qido, stow
from apps.facilities.methods import by_method

app_name = "dicomweb"
urlpatterns = [
    path("studies", by_method(GET=qido.studies, POST=stow.store), name="studies"),
    path("studies/<str:study_instance_uid>", by_method(POST=stow.store), name="study"),
    path("studies/<str:study_instance_uid>/series", by_method(GET=qido.series), name="series_of_study"),
    path("studies/<str:study_instance_uid>/instances", by_method(GET=qido.instances), name="instances_of_study"),
    path(
        "studies/<str:study_instance_uid>/series/<str:series_instance_uid>/instances",
        by_method(GET=qido.instances),
        name="instances_of_series",
    ),
    path("series", by_method(GET=qido.series), name="series"),
    path("instances", by_method(GET=qido.instances), name="instances"),
]
