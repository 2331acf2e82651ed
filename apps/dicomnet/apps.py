from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DicomnetConfig(AppConfig):
    name = "apps.dicomnet"
    verbose_name = _("DICOM network")
