"""
Chat history: messages of any kind as rows of the journal, with what is big on a shelf.

>>> from governance.testing.engines import memory_engine
>>> with memory_engine() as engine, engine.start("s-1") as session:
...     said = session.message("user", "Is it done?")
...     answered = session.message("assistant", ["It is.", media(b"\\x89PNG", "image/png")])
...     [(one.role, one.text) for one in session.messages().messages]
[('user', 'Is it done?'), ('assistant', 'It is.')]
"""

from governance.chat.contents import ContentGone, content_of, whole_part
from governance.chat.history import Page, messages_of, page_of
from governance.chat.messages import Message, Role, Said
from governance.chat.parts import Part, media, text

__all__ = [
    "ContentGone",
    "Message",
    "Page",
    "Part",
    "Role",
    "Said",
    "content_of",
    "media",
    "messages_of",
    "page_of",
    "text",
    "whole_part",
]
