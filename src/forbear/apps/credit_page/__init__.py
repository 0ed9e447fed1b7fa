"""The page about a book's credit risk: default, stages, expected loss and severity, each beside what came true."""

from __future__ import annotations

from forbear.apps.credit_page.document import render_credit

__all__ = ["render_credit"]
