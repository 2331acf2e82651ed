"""Letters by e-mail: one layout (templates/letters), HTML and plain text."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string


def letter(
    subject: str,
    template: str,
    context: dict[str, Any],
    *,
    to: list[str],
    headers: dict[str, str] | None = None,
    connection: BaseEmailBackend | None = None,
) -> EmailMultiAlternatives:
    """`template`.html and `template`.txt in the words that are active, to be sent or to have files attached.

    A name in the subject cannot add headers: whatever breaks lines in it becomes a space.
    """
    context = {"subject": subject, "public_url": settings.PUBLIC_URL, **context}
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"{template}.txt", context),
        to=to,
        headers=headers or {},
        connection=connection,
    )
    message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    return message
