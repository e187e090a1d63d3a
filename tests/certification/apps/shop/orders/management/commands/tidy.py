from django.core.management.base import BaseCommand

from orders.models import Order


class Command(BaseCommand):
    """Tidies all orders."""

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(f"tidied {Order.objects.filter(tidied=False).update(tidied=True)}")
