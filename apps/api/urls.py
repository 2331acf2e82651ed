"""Addresses below /api/v1/."""

from django.urls import path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.api import (
    audit,
    care_events,
    changes,
    collections,
    devices,
    evidence_reports,
    invoices,
    members,
    notifications,
    orders,
    periods,
    plan,
    problems,
    restores,
    share_links,
    studies,
    terminals,
    uploads,
    webhooks,
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
AUDIT, RECORD = door(scope=Scope.AUDIT), door(role=Role.OWNER, scope=Scope.AUDIT)
TOLD = door(scope=Scope.CARE, or_scope=Scope.READ)
VIEWER, OWNER = door(), door(role=Role.OWNER)
INVITER = door(role=Role.OWNER, own_scope=True)  # the mail leaves after the invitation is committed
F = "f/<slug:facility_slug>/"
TERMINAL, COLLECTION = f"{F}terminals/<uuid:terminal_uid>/", f"{F}collections/<uuid:collection_uid>/"
ORDER = f"{F}orders/<uuid:order_uid>/"
EVIDENCE, WEBHOOK = f"{F}evidence-reports/<key:report_id>/", f"{F}webhooks/<key:webhook_id>/"
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
    path(f"{TERMINAL}let-restore/", behind(terminals.LetRestoreView, POST=OWNER), name="let_restore"),
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
    path(
        f"{COLLECTION}receipts/proofs/",
        behind(collections.ProofsOfCollectionView, GET=HANDED_OVER),
        name="proofs_of_collection",
    ),
    path(f"{F}receipts/", behind(collections.ReceiptsView, GET=HANDED_OVER), name="receipts"),
    path(f"{F}restores/", behind(restores.RestoresView, GET=RESTORE), name="restores"),
    path(f"{F}restores/<uuid:order_uid>/manifest/", restores.manifest, name="restore_manifest"),
    path(f"{F}restores/<uuid:order_uid>/files/<slug:key>/", restores.file, name="restored_file"),
    path(f"{F}restores/<uuid:order_uid>/arrived/", behind(restores.ArrivedView, POST=RESTORE), name="arrived"),
    path(f"{F}restores/<uuid:order_uid>/restored/", behind(restores.RestoredView, POST=RESTORE), name="restored"),
    path(f"{F}studies/", behind(studies.StudiesView, GET=READ), name="studies"),
    path(f"{F}studies/search/", behind(studies.StudySearchView, POST=READ), name="search_studies"),
    path(f"{F}studies/<uid:study_instance_uid>/", behind(studies.StudyView, GET=READ), name="study"),
    path(f"{F}changes/", behind(changes.ChangesView, GET=READ), name="changes"),
    path(
        f"{F}studies/<uid:study_instance_uid>/care-events/",
        behind(care_events.CareEventsOfStudyView, GET=TOLD),
        name="care_events_of_study",
    ),
    path(
        f"{F}studies/<uid:study_instance_uid>/extensions/",
        behind(studies.ExtensionsView, POST=DECIDE),
        name="extensions",
    ),
    path(f"{F}studies/<uid:study_instance_uid>/holds/", behind(studies.HoldsView, POST=DECIDE), name="holds"),
    path(f"{F}holds/<key:hold_id>/release/", behind(studies.ReleaseView, POST=DECIDE), name="release_hold"),
    path(f"{F}conflicts/", behind(studies.ConflictsView, GET=READ), name="conflicts"),
    path(f"{F}storage-periods/", behind(periods.EndingView, GET=READ), name="storage_periods"),
    path(f"{F}storage-periods/unknown/", behind(periods.UnknownView, GET=READ), name="unknown_periods"),
    path(f"{F}decisions/", behind(periods.DecisionsView, GET=READ, POST=DECIDE), name="decisions"),
    path(f"{F}decisions/preview/", behind(periods.DecisionPreviewView, POST=DECIDE), name="preview_decisions"),
    path(f"{F}certificates/", behind(periods.CertificatesView, GET=READ), name="certificates"),
    path(f"{F}certificates/<key:disposition_id>/", behind(periods.CertificateView, GET=READ), name="certificate"),
    path(
        f"{F}certificates/<key:disposition_id>/document/",
        behind(periods.CertificateDocumentView, GET=READ),
        name="certificate_document",
    ),
    path(f"{F}care-events/", behind(care_events.CareEventsView, GET=TOLD, POST=CARE), name="care_events"),
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
    path(f"{F}holdings/", behind(audit.HoldingsView, GET=AUDIT), name="holdings"),
    path(f"{F}findings/", behind(audit.FindingsView, GET=AUDIT), name="findings"),
    path(f"{F}access-record/", behind(audit.AccessRecordView, GET=RECORD), name="access_record"),
    path(f"{F}checkpoints/", behind(audit.CheckpointsView, GET=AUDIT), name="checkpoints"),
    path(f"{F}checkpoints/<key:checkpoint_id>/", behind(audit.CheckpointView, GET=AUDIT), name="checkpoint"),
    path(
        f"{F}checkpoints/<key:checkpoint_id>/consistency/",
        behind(audit.ConsistencyView, GET=AUDIT),
        name="consistency",
    ),
    path(
        f"{F}evidence-reports/",
        behind(evidence_reports.EvidenceReportsView, GET=RECORD, POST=RECORD),
        name="evidence_reports",
    ),
    path(EVIDENCE, behind(evidence_reports.EvidenceReportView, GET=RECORD), name="evidence_report"),
    path(
        f"{EVIDENCE}cancel/",
        behind(evidence_reports.CancelReportView, POST=RECORD),
        name="cancel_evidence_report",
    ),
    path(
        f"{EVIDENCE}document/",
        behind(evidence_reports.EvidenceReportDocumentView, GET=RECORD),
        name="evidence_report_document",
    ),
    path(
        f"{EVIDENCE}signed/",
        behind(evidence_reports.EvidenceReportSignedView, GET=RECORD),
        name="evidence_report_signed",
    ),
    path(f"{F}notifications/", behind(notifications.NotificationsView, GET=VIEWER), name="notifications"),
    path(f"{F}notifications/read/", behind(notifications.ReadView, POST=VIEWER), name="read_notifications"),
    path(
        f"{F}notifications/preferences/",
        behind(notifications.PreferencesView, GET=VIEWER, PATCH=VIEWER),
        name="notification_preferences",
    ),
    path(f"{F}webhooks/", behind(webhooks.WebhooksView, GET=OWNER, POST=OWNER), name="webhooks"),
    path(
        f"{F}webhooks/deliveries/<key:delivery_id>/again/",
        behind(webhooks.SendAgainView, POST=OWNER),
        name="send_delivery_again",
    ),
    path(WEBHOOK, behind(webhooks.WebhookView, GET=OWNER, DELETE=OWNER), name="webhook"),
    path(f"{WEBHOOK}secret/", behind(webhooks.WebhookSecretView, POST=OWNER), name="renew_webhook_secret"),
    path(f"{WEBHOOK}test/", behind(webhooks.WebhookTestView, POST=OWNER), name="test_webhook"),
    path(f"{WEBHOOK}on/", behind(webhooks.WebhookOnView, POST=OWNER), name="switch_on_webhook"),
    path(f"{WEBHOOK}deliveries/", behind(webhooks.DeliveriesView, GET=OWNER), name="deliveries"),
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
