from django.contrib import admin
from django.urls import path
from orders import views

urlpatterns = [
    path("", views.front),
    path("health", views.health),
    path("admin/", admin.site.urls),
]
