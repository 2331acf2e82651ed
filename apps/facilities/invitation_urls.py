"""Where invitations are accepted: outside of every facility, since whoever comes belongs to none yet."""

from django.urls import path

from apps.facilities import invitation_pages

urlpatterns = [path("<str:secret>/", invitation_pages.accept, name="accept_invitation")]
