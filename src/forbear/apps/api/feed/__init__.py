"""The live feed: predictions, decisions and alerts as they are recorded, to many listeners at once.

`Hub` follows a desk and has no word of a network in it; `feed_router` gives it to WebSockets and server-sent events.
"""
