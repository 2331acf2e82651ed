from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"

    def ready(self) -> None:
        """Wherever a group is shown, its reader's language is spoken."""
        from django.contrib.auth.models import Group  # noqa: PLC0415 a model, imported once apps are loaded

        from apps.accounts.groups import called  # noqa: PLC0415

        Group.add_to_class("__str__", called)
