from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path


def page(request):
    files = static("shelf/style.css"), static("js/main.js")
    return HttpResponse("\n".join(files))


urlpatterns = [path("", page)]
