"""forbear: a pre-delinquency engine for lenders."""

__version__ = "0.1.0"
