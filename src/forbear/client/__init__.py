"""The HTTP client, and what goes over the wire: the shapes that the server answers with are these.

with Client("http://127.0.0.1:8470", key="fb_...") as forbear:
    print(forbear.risk("C0000017").pd)
"""

from forbear.client.client import AsyncClient, Client
from forbear.client.conversation import Retries
from forbear.client.errors import Broken, Conflict, NotAllowed, NotThere, NotValid, Problem, TooMany, Unavailable
from forbear.client.feed import FeedRefused, Live, Patience

__all__ = [
    "AsyncClient",
    "Broken",
    "Client",
    "Conflict",
    "FeedRefused",
    "Live",
    "NotAllowed",
    "NotThere",
    "NotValid",
    "Patience",
    "Problem",
    "Retries",
    "TooMany",
    "Unavailable",
]
