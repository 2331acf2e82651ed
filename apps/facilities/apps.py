from importlib import import_module

from django.apps import AppConfig


class FacilitiesConfig(AppConfig):
    name = "apps.facilities"

    def ready(self) -> None:
        import_module("apps.facilities.sign_in_trail")  # connects its receivers
