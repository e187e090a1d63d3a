from django.db import models


class Order(models.Model):
    """Something that somebody wants."""

    what = models.CharField(max_length=80)
    tidied = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.what
