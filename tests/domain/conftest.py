"""One Hypothesis profile for all laws: compiled kernels make deadlines meaningless."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("forbear", deadline=None, max_examples=25, print_blob=True)
settings.load_profile("forbear")
