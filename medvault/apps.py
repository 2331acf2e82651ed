"""The composition root as an app (its commands), and the admin site, which asks for a second factor."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class MedVaultConfig(AppConfig):
    name = "medvault"


class AdminSiteConfig(AdminConfig):
    default_site = "medvault.admin_site.MedVaultAdminSite"
