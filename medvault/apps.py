"""The composition root as an app (its commands, its checks), and the admin site, which asks for a second factor."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class MedVaultConfig(AppConfig):
    name = "medvault"

    def ready(self) -> None:
        """Register the checks of `manage.py check --deploy`."""
        from medvault import checks  # noqa: F401, PLC0415 it reads the settings


class AdminSiteConfig(AdminConfig):
    default_site = "medvault.admin_site.MedVaultAdminSite"
