"""Settings of a small site whose static files are found by their digests."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.staticfiles", "shelf"]
ROOT_URLCONF = "shelf.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
STATICFILES_DIRS = [Path(os.environ["SHELF_SHARE"], "frontend")]
STATIC_ROOT = Path(os.environ["SHELF_SHARE"], "static")
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
}
