"""A facility's people and tokens, below /f/<facility_slug>/."""

from django.urls import path

from apps.facilities import member_pages, token_pages

app_name = "facilities"
urlpatterns = [
    path("members/", member_pages.members, name="members"),
    path("members/<int:membership_id>/role/", member_pages.set_role, name="set_role"),
    path("members/<int:membership_id>/remove/", member_pages.remove, name="remove_member"),
    path("invitations/", member_pages.send_invitation, name="send_invitation"),
    path("invitations/<int:invitation_id>/resend/", member_pages.resend_invitation, name="resend_invitation"),
    path("invitations/<int:invitation_id>/withdraw/", member_pages.withdraw_invitation, name="withdraw_invitation"),
    path("tokens/", token_pages.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", token_pages.revoke, name="revoke_token"),
]
