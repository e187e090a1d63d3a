"""Prints notes that nobody has printed yet."""

import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from board.store import Note, engine

while True:
    with Session(engine) as session:
        for note in session.scalars(select(Note).where(~Note.printed)):
            # Not flushed: what an app prints is in the journal at once all the same.
            print(f"note: {note.text}")
            note.printed = True
        session.commit()
    time.sleep(0.2)
