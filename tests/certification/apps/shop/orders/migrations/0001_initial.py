from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = (
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("what", models.CharField(max_length=80)),
                ("tidied", models.BooleanField(default=False)),
            ],
        ),
    )
