from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orders.models import Order


def front(request: HttpRequest) -> HttpResponse:
    """Show how many orders there are, and how many are tidied; take a new one."""
    if what := request.GET.get("order"):
        Order.objects.create(what=what)
    tidied = Order.objects.filter(tidied=True).count()
    return render(request, "orders/front.html", {"count": Order.objects.count(), "tidied": tidied})


def health(request: HttpRequest) -> HttpResponse:
    """Say that the database answers."""
    Order.objects.count()
    return HttpResponse("fine")
