"""How facts about sign-ins are shown."""

from django import template

from apps.accounts.user_agents import browser_in_words

register = template.Library()
register.filter(browser_in_words)
