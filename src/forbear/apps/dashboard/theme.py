"""Colours, sizes and corners of all pages, as Streamlit is told them when it starts."""

from __future__ import annotations

from typing import Any

from forbear.apps.dashboard.colours import ACCENT, DARK, DARK_SCALE, LIGHT, LIGHT_SCALE, SERIES

_THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "primaryColor": "#1f6a9e",
        "backgroundColor": LIGHT,
        "secondaryBackgroundColor": "#f4f6f8",
        "textColor": "#17222d",
        "borderColor": "#dce2e8",
        "dataframeBorderColor": "#e6eaee",
        "dataframeHeaderBackgroundColor": "#f4f6f8",
        "chartSequentialColors": list(LIGHT_SCALE),
        "sidebar.backgroundColor": "#f6f8fa",
        "sidebar.secondaryBackgroundColor": LIGHT,
    },
    "dark": {
        "primaryColor": "#5fb3ea",
        "backgroundColor": DARK,
        "secondaryBackgroundColor": "#1a222b",
        "textColor": "#e3e8ed",
        "borderColor": "#2b3641",
        "dataframeBorderColor": "#25303a",
        "dataframeHeaderBackgroundColor": "#1a222b",
        "chartSequentialColors": list(DARK_SCALE),
        "sidebar.backgroundColor": "#141b22",
        "sidebar.secondaryBackgroundColor": "#1d2630",
    },
}
"""Who has no wish of their own gets what their system prefers."""


def options() -> dict[str, Any]:
    """What Streamlit is told of how pages look, by the names of its settings."""
    told: dict[str, Any] = {
        "theme.chartCategoricalColors": list(SERIES),
        "theme.linkColor": ACCENT,
        "theme.baseFontSize": 15,
        "theme.baseRadius": "0.45rem",
        "theme.showSidebarBorder": True,
        "theme.paddingTop": "1.4rem",
        "theme.paddingBottom": "3rem",
        "theme.metricValueFontSize": "1.55rem",
        "theme.headingFontSizes": ["1.7rem", "1.25rem", "1.05rem"],
    }
    return told | {f"theme.{base}.{name}": value for base, theme in _THEMES.items() for name, value in theme.items()}
