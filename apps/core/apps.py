"""What every app shares."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


class CoreConfig(AppConfig):
    name = "apps.core"
    called_as_in_code: Sequence[str] = ()

    def ready(self) -> None:
        """What is called as in code, because nobody gave it a name, is called so in the reader's language.

        Migrations know given names alone, and none is given here.
        """
        found = list(_called_as_in_code())
        self.called_as_in_code = sorted({getattr(*each) for each in found})
        for holder, attribute in found:
            setattr(holder, attribute, gettext_lazy(getattr(holder, attribute)))


def _called_as_in_code() -> Iterator[tuple[Any, str]]:
    """Apps, models and fields of all that is installed, and which attribute is their name: `signed by`."""
    named: list[tuple[Any, str]] = [(config, "verbose_name") for config in apps.get_app_configs()]
    for model in apps.get_models():
        named += [(model._meta, "verbose_name"), *((field, "verbose_name") for field in model._meta.local_fields)]
        if "verbose_name_plural" not in model._meta.original_attrs:  # the singular with an s
            model._meta.verbose_name_plural = f"{model._meta.verbose_name_raw}s"
            named.append((model._meta, "verbose_name_plural"))
    return (each for each in named if not isinstance(getattr(*each), Promise))
