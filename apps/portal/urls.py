"""Addresses of the clinics' pages below /f/<facility_slug>/. They hold ids and never patient data."""

from django.urls import path

from apps.portal import (
    card,
    care_event_list,
    care_events,
    certificates,
    collections,
    dashboard,
    images,
    receipts,
    series,
    storage_periods,
    studies,
    study_period,
    terminals,
)

app_name = "portal"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("studies/", studies.study_list, name="studies"),
    path("studies/<int:study_id>/", studies.study_page, name="study"),
    path("studies/<int:study_id>/keep", study_period.keep, name="keep_study"),
    path("holds/<int:hold_id>/release", study_period.release, name="release_hold"),
    path("storage-periods/", storage_periods.expiring, name="expiring"),
    path("storage-periods/decide", storage_periods.decide, name="decide"),
    path("certificates/<int:disposition_id>.jws", certificates.signed, name="certificate"),
    path("certificates/<int:disposition_id>.pdf", certificates.document, name="certificate_document"),
    path("care-events/", care_event_list.care_event_list, name="care_event_list"),
    path("care-events/note", care_event_list.note, name="note_care_events"),
    path("patients/<int:patient_id>/care-events/", care_events.patient_page, name="care_events"),
    path("patients/<int:patient_id>/care-events/tell", care_events.tell, name="tell_care_event"),
    path("series/<int:series_id>/", series.viewer, name="series"),
    path("images/<int:instance_id>/preview", images.preview, name="preview"),
    path("images/<int:instance_id>/download", images.download, name="download"),
    path("invoices/card/", card.card, name="card"),
    path("invoices/card/enter", card.enter, name="enter_card"),
    path("invoices/card/entered", card.entered, name="card_entered"),
    path("invoices/card/method", card.choose, name="choose_method"),
    path("invoices/<int:invoice_id>/pay", card.pay, name="pay_invoice"),
    path("collections/", collections.collection_list, name="collections"),
    path("collections/<int:collection_id>/", collections.collection_page, name="collection"),
    path("collections/<int:collection_id>/receipts/<str:kind>.jws", receipts.download, name="receipt"),
    path("terminals/", terminals.terminal_list, name="terminals"),
    path("terminals/<int:terminal_id>/", terminals.terminal_page, name="terminal"),
    path("terminals/<int:terminal_id>/ask", terminals.ask, name="ask_for_collection"),
    path("terminals/<int:terminal_id>/code", terminals.give_code, name="enrolment_code"),
    path("requests/<int:request_id>/withdraw", terminals.withdraw, name="withdraw_request"),
]
