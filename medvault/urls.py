"""Addresses. Everything of a facility is below /f/<slug>/, which the tenancy middleware guards."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from apps.accounts.reader_page import reader_page
from apps.api.keys import jwks
from apps.billing.cards import webhooks
from apps.notifications.preference_page import preference_page
from apps.portal.home import home
from medvault import health
from medvault.errors import server_error
from medvault.metrics.page import metrics

urlpatterns = [
    path("", home, name="home"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("accounts/language/", reader_page, name="language"),
    path("metrics", metrics, name="metrics"),
    path("accounts/notifications/", preference_page, name="notification_preferences"),
    path("accounts/", include("allauth.urls")),
    path("language/", set_language, name="set_language"),
    path("invitations/", include("apps.facilities.invitation_urls")),
    path("s/", include("apps.portal.receiver_urls")),
    path("admin/", admin.site.urls),
    path(".well-known/medvault-jwks.json", jwks, name="jwks"),
    path("webhooks/stripe/", webhooks.receive, name="stripe_webhook"),
    path("api/v1/", include("apps.api.urls")),
    path("f/<slug:facility_slug>/dicom-web/", include("apps.dicomweb.urls")),
    path("f/<slug:facility_slug>/", include("apps.facilities.urls")),
    path("f/<slug:facility_slug>/", include("apps.portal.urls")),
]

handler500 = server_error
