"""Addresses below /api/v1/."""

from django.urls import path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.api import (
    care_events,
    collections,
    devices,
    invoices,
    members,
    orders,
    periods,
    plan,
    problems,
    restores,
    share_links,
    studies,
    terminals,
    uploads,
)
from apps.api.converters import KeyConverter, UIDConverter
from apps.api.doors import behind, door
from apps.facilities.methods import by_method
from apps.facilities.models import Role, Scope

register_converter(UIDConverter, "uid")
register_converter(KeyConverter, "key")
app_name = "api"
HANDOVER = door(scope=Scope.HANDOVER)
REPORT = door(scope=Scope.REPORT)
RESTORE = door(role=Role.MEMBER, scope=Scope.RESTORE)
CARE = door(role=Role.MEMBER, scope=Scope.CARE)
FOLLOW, PLACE = door(scope=Scope.ORDERS_READ), door(role=Role.MEMBER, scope=Scope.ORDERS_PLACE)
FETCH, SHARE = (door(scope=each.scope, role=each.role, own_scope=True) for each in (FOLLOW, PLACE))
READ, DECIDE = door(scope=Scope.READ), door(role=Role.MEMBER, scope=Scope.PERIODS)
COLLECTIONS = door(scope=Scope.COLLECTIONS)
HANDED_OVER = door(scope=Scope.HANDOVER, or_scope=Scope.COLLECTIONS)
WISHES = door(scope=Scope.REPORT, or_scope=Scope.COLLECTIONS)
WISH = door(role=Role.MEMBER, scope=Scope.REPORT, or_scope=Scope.REQUEST)
BILLING = door(role=Role.MEMBER, scope=Scope.BILLING)
VIEWER, OWNER = door(), door(role=Role.OWNER)
INVITER = door(role=Role.OWNER, own_scope=True)  # the mail leaves after the invitation is committed
F = "f/<slug:facility_slug>/"
TERMINAL, COLLECTION = f"{F}terminals/<uuid:terminal_uid>/", f"{F}collections/<uuid:collection_uid>/"
ORDER = f"{F}orders/<uuid:order_uid>/"
urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("problems/", problems.page, name="problems"),
    path("enrol/", devices.EnrolView.as_view(), name="enrol"),
    path(f"{F}terminals/", behind(devices.TerminalsView, GET=HANDED_OVER), name="terminals"),
    path(TERMINAL, behind(devices.TerminalView, GET=WISHES), name="terminal"),
    path(f"{TERMINAL}capacity/", behind(devices.CapacityView, GET=WISHES, POST=REPORT), name="capacity"),
    path(f"{TERMINAL}requests/", behind(devices.RequestsView, GET=WISHES, POST=WISH), name="requests"),
    path(
        f"{TERMINAL}requests/<uuid:request_uid>/withdraw/",
        behind(terminals.WithdrawView, POST=WISH),
        name="withdraw_request",
    ),
    path(f"{TERMINAL}outlook/", behind(terminals.OutlookView, GET=COLLECTIONS), name="outlook"),
    path(f"{TERMINAL}enrolment-code/", behind(terminals.CodeView, POST=OWNER), name="enrolment_code"),
    path(f"{F}outlooks/", behind(terminals.OutlooksView, GET=COLLECTIONS), name="outlooks"),
    path(f"{F}uploads/", by_method(POST=uploads.create, OPTIONS=uploads.options), name="uploads"),
    path(
        f"{F}uploads/<uuid:upload_uid>/",
        by_method(HEAD=uploads.look, PATCH=uploads.patch, DELETE=uploads.terminate, OPTIONS=uploads.options),
        name="upload",
    ),
    path(f"{F}collections/", behind(collections.CollectionsView, GET=COLLECTIONS), name="collections"),
    path(COLLECTION, behind(collections.CollectionView, GET=HANDED_OVER), name="collection"),
    path(f"{COLLECTION}files/", behind(collections.FilesView, GET=COLLECTIONS), name="files_of_collection"),
    path(
        f"{COLLECTION}receipts/",
        behind(collections.ReceiptsOfCollectionView, GET=HANDED_OVER),
        name="receipts_of_collection",
    ),
    path(f"{F}receipts/", behind(collections.ReceiptsView, GET=HANDED_OVER), name="receipts"),
    path(f"{F}restores/", behind(restores.RestoresView, GET=RESTORE), name="restores"),
    path(f"{F}restores/<uuid:order_uid>/manifest/", restores.manifest, name="restore_manifest"),
    path(f"{F}restores/<uuid:order_uid>/files/<slug:key>/", restores.file, name="restored_file"),
    path(f"{F}restores/<uuid:order_uid>/restored/", behind(restores.RestoredView, POST=RESTORE), name="restored"),
    path(f"{F}studies/", behind(studies.StudiesView, GET=READ), name="studies"),
    path(f"{F}studies/search/", behind(studies.StudySearchView, POST=READ), name="search_studies"),
    path(f"{F}studies/<uid:study_instance_uid>/", behind(studies.StudyView, GET=READ), name="study"),
    path(
        f"{F}studies/<uid:study_instance_uid>/extensions/",
        behind(studies.ExtensionsView, POST=DECIDE),
        name="extensions",
    ),
    path(f"{F}studies/<uid:study_instance_uid>/holds/", behind(studies.HoldsView, POST=DECIDE), name="holds"),
    path(f"{F}holds/<key:hold_id>/release/", behind(studies.ReleaseView, POST=DECIDE), name="release_hold"),
    path(f"{F}storage-periods/", behind(periods.EndingView, GET=READ), name="storage_periods"),
    path(f"{F}decisions/", behind(periods.DecisionsView, GET=READ, POST=DECIDE), name="decisions"),
    path(f"{F}decisions/preview/", behind(periods.DecisionPreviewView, POST=DECIDE), name="preview_decisions"),
    path(f"{F}certificates/", behind(periods.CertificatesView, GET=READ), name="certificates"),
    path(f"{F}certificates/<key:disposition_id>/", behind(periods.CertificateView, GET=READ), name="certificate"),
    path(
        f"{F}certificates/<key:disposition_id>/document/",
        behind(periods.CertificateDocumentView, GET=READ),
        name="certificate_document",
    ),
    path(f"{F}care-events/", behind(care_events.CareEventsView, POST=CARE), name="care_events"),
    path(f"{F}order-kinds/", behind(orders.KindsView, GET=FOLLOW), name="order_kinds"),
    path(f"{F}order-estimates/", behind(orders.EstimateView, POST=PLACE), name="order_estimates"),
    path(f"{F}orders/", behind(orders.OrdersView, GET=FOLLOW, POST=PLACE), name="orders"),
    path(ORDER, behind(orders.OrderView, GET=FOLLOW), name="order"),
    path(f"{ORDER}request/", behind(orders.RequestView, POST=PLACE), name="request_order"),
    path(f"{ORDER}cancel/", behind(orders.CancelView, POST=PLACE), name="cancel_order"),
    path(f"{ORDER}confirm/", behind(orders.ConfirmView, POST=PLACE), name="confirm_order"),
    path(f"{ORDER}messages/", behind(orders.OrderMessagesView, GET=FOLLOW, POST=PLACE), name="order_messages"),
    path(f"{ORDER}password/", behind(orders.PasswordView, POST=PLACE), name="order_password"),
    path(f"{ORDER}output/", behind(orders.OrderOutputView, GET=FETCH), name="order_output"),
    path(
        f"{ORDER}share-link/",
        behind(share_links.ShareLinkView, GET=FETCH, POST=SHARE, DELETE=SHARE),
        name="share_link",
    ),
    path(f"{F}invoices/", behind(invoices.InvoicesView, GET=BILLING), name="invoices"),
    path(f"{F}invoices/<key:invoice_id>/", behind(invoices.InvoiceView, GET=BILLING), name="invoice"),
    path(f"{F}invoices/<key:invoice_id>/charges/", behind(invoices.ChargesView, GET=BILLING), name="charges"),
    path(
        f"{F}invoices/<key:invoice_id>/document/",
        behind(invoices.InvoiceDocumentView, GET=BILLING),
        name="invoice_document",
    ),
    path(f"{F}invoices/<key:invoice_id>/e-invoice/", behind(invoices.EInvoiceView, GET=BILLING), name="e_invoice"),
    path(f"{F}billing-details/", behind(invoices.BillingDetailsView, GET=BILLING, PUT=OWNER), name="billing_details"),
    path(f"{F}plan/", behind(plan.PlanView, GET=BILLING), name="plan"),
    path(f"{F}plan/tiers/", behind(plan.TiersView, GET=BILLING), name="tiers"),
    path(f"{F}plan/tiers/<key:tier_version_id>/", behind(plan.TierView, GET=BILLING, POST=OWNER), name="tier"),
    path(
        f"{F}plan/versions/<key:version_id>/document/",
        behind(plan.ContractDocumentView, GET=BILLING),
        name="contract_document",
    ),
    path(f"{F}plan/versions/<key:version_id>/sign/", behind(plan.SignView, POST=OWNER), name="sign_version"),
    path(f"{F}plan/notice/", behind(plan.NoticeView, GET=BILLING, POST=OWNER, DELETE=OWNER), name="notice"),
    path(f"{F}plan/returned/", behind(plan.ReturnedView, POST=OWNER), name="confirm_return"),
    path(f"{F}members/", behind(members.MembersView, GET=VIEWER), name="members"),
    path(f"{F}members/<key:membership_id>/", behind(members.MemberView, PATCH=OWNER, DELETE=OWNER), name="member"),
    path(f"{F}invitations/", behind(members.InvitationsView, GET=INVITER, POST=INVITER), name="invitations"),
    path(f"{F}invitations/<key:invitation_id>/", behind(members.InvitationView, DELETE=OWNER), name="invitation"),
    path(
        f"{F}invitations/<key:invitation_id>/resend/",
        behind(members.ResendView, POST=INVITER),
        name="resend_invitation",
    ),
    path(f"{F}tokens/", behind(members.TokensView, GET=OWNER, POST=OWNER), name="tokens"),
    path(f"{F}tokens/<key:token_id>/", behind(members.TokenView, DELETE=OWNER), name="token"),
]
