"""Notes, in a database that the host names."""

import os

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite://"))


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    printed: Mapped[bool] = mapped_column(default=False)


Base.metadata.create_all(engine)
