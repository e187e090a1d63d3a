"""The board's interface."""

from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from board.store import Note, engine

app = FastAPI(title="Board 1")


class NoteIn(BaseModel):
    text: str = Field(min_length=1, max_length=80)


@app.get("/health")
def health() -> str:
    return "fine"


@app.post("/notes", status_code=201)
def add(note: NoteIn) -> int:
    with Session(engine) as session:
        made = Note(text=note.text)
        session.add(made)
        session.commit()
        return made.id


@app.get("/notes")
def notes() -> list[dict[str, object]]:
    with Session(engine) as session:
        found = session.scalars(select(Note).order_by(Note.id))
        return [{"text": note.text, "printed": note.printed} for note in found]
