"""Addresses below /f/<facility_slug>/dicom-web/ (PS3.18, 10.1)."""

from django.urls import path

from apps.dicomweb import qido, stow, wado
from apps.dicomweb.frames import frames
from apps.dicomweb.metadata import bulkdata, metadata
from apps.dicomweb.rendered import rendered, thumbnail
from apps.facilities.methods import by_method

app_name = "dicomweb"
STUDY = "studies/<str:study_instance_uid>"
SERIES = f"{STUDY}/series/<str:series_instance_uid>"
INSTANCE = f"{SERIES}/instances/<str:sop_instance_uid>"
urlpatterns = [
    path("studies", by_method(GET=qido.studies, POST=stow.store), name="studies"),
    path(STUDY, by_method(GET=wado.instances, POST=stow.store), name="study"),
    path(f"{STUDY}/series", by_method(GET=qido.series), name="series_of_study"),
    path(f"{STUDY}/instances", by_method(GET=qido.instances), name="instances_of_study"),
    path(SERIES, by_method(GET=wado.instances), name="one_series"),
    path(f"{SERIES}/instances", by_method(GET=qido.instances), name="instances_of_series"),
    path(INSTANCE, by_method(GET=wado.instance), name="instance"),
    path(f"{STUDY}/metadata", by_method(GET=metadata), name="metadata_of_study"),
    path(f"{SERIES}/metadata", by_method(GET=metadata), name="metadata_of_series"),
    path(f"{INSTANCE}/metadata", by_method(GET=metadata), name="metadata"),
    path(f"{INSTANCE}/bulkdata/<path:path>", by_method(GET=bulkdata), name="bulkdata"),
    path(f"{STUDY}/thumbnail", by_method(GET=thumbnail), name="thumbnail_of_study"),
    path(f"{SERIES}/thumbnail", by_method(GET=thumbnail), name="thumbnail_of_series"),
    path(f"{INSTANCE}/thumbnail", by_method(GET=thumbnail), name="thumbnail"),
    path(f"{INSTANCE}/rendered", by_method(GET=rendered), name="rendered"),
    path(f"{INSTANCE}/frames/<str:frames>", by_method(GET=frames), name="frames"),
    path(f"{INSTANCE}/frames/<str:frame>/rendered", by_method(GET=rendered), name="rendered_frame"),
    path(f"{INSTANCE}/frames/<str:frame>/thumbnail", by_method(GET=thumbnail), name="thumbnail_of_frame"),
    path("series", by_method(GET=qido.series), name="series"),
    path("instances", by_method(GET=qido.instances), name="instances"),
]
