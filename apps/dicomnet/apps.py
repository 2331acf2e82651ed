from django.apps import AppConfig


class DicomnetConfig(AppConfig):
    name = "apps.dicomnet"
