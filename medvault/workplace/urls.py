"""Addresses of the workplace that belong to no model; taken in by the admin site."""

from django.contrib import admin
from django.urls import path

from medvault.workplace.filters import remove_filter, save_filter
from medvault.workplace.finding import find_page

urlpatterns = [
    path("find/", admin.site.admin_view(find_page), name="find"),
    path("filters/", admin.site.admin_view(save_filter), name="save_filter"),
    path("filters/<int:pk>/remove/", admin.site.admin_view(remove_filter), name="remove_filter"),
]
