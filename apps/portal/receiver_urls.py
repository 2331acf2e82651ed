"""Where share links lead: outside of every facility, since a receiver belongs to none. No address holds a secret."""

from django.urls import path

from apps.portal import receiver

app_name = "receiver"
urlpatterns = [
    path("", receiver.entrance, name="entrance"),
    path("<uuid:link_uid>/", receiver.overview, name="overview"),
    path("<uuid:link_uid>/series/<int:series_id>/", receiver.series, name="series"),
    path("<uuid:link_uid>/images/<int:instance_id>", receiver.picture, name="picture"),
    path("<uuid:link_uid>/files", receiver.files, name="files"),
]
