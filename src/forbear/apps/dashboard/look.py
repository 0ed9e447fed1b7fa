"""What Streamlit's settings cannot say of how pages look: a style sheet, and the name of the product as it is drawn.

Elements are found by their test ids and by the keys that this package gives them: Streamlit's class names change.
"""

from __future__ import annotations

import streamlit as st

from forbear.apps.dashboard.colours import ACCENT

NOTICE = "notice"
"""The key of the line that says whose figures these are."""
SIDEBAR_PX = 256
_MARK = (
    f'<rect width="24" height="24" y="2" rx="5" fill="{ACCENT}"/>'
    '<path d="M5 19l4-5.5 4.5 3 5.5-9" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" '
    'stroke-linejoin="round"/>'
)
"""Falls, holds, and rises again."""
_LETTERS = (
    "M33.2 21.5V8.7Q33.2 7.5 33.6 6.5Q34 5.5 34.9 4.9Q35.8 4.3 37.3 4.3Q38 4.3 38.6 4.5Q39.2 4.6 39.6 4.7L39 7"
    "Q38.4 6.8 37.8 6.8Q37.1 6.8 36.7 7.2Q36.3 7.7 36.3 8.7V21.5ZM31.4 12.1V9.8L33.4 9.7H38.6V12.1Z"
    "M45.5 21.8Q44 21.8 42.7 21.1Q41.4 20.3 40.6 18.9Q39.8 17.5 39.8 15.6Q39.8 13.6 40.6 12.2"
    "Q41.4 10.8 42.7 10.1Q44 9.4 45.5 9.4Q47 9.4 48.3 10.1Q49.6 10.8 50.4 12.2Q51.2 13.6 51.2 15.6"
    "Q51.2 17.5 50.4 18.9Q49.6 20.3 48.3 21.1Q47 21.8 45.5 21.8ZM45.5 19.2Q46.3 19.2 46.9 18.8"
    "Q47.4 18.3 47.7 17.5Q48 16.7 48 15.6Q48 14.5 47.7 13.6Q47.4 12.8 46.9 12.4Q46.3 11.9 45.5 11.9"
    "Q44.7 11.9 44.2 12.4Q43.6 12.8 43.3 13.6Q43 14.5 43 15.6Q43 16.7 43.3 17.5Q43.6 18.3 44.2 18.8"
    "Q44.7 19.2 45.5 19.2Z"
    "M53.8 21.5V9.7H56.4L56.6 11.7H56.7Q57.3 10.6 58.2 10Q59.1 9.4 60.1 9.4Q60.5 9.4 60.9 9.4Q61.2 9.5 61.4 9.6"
    "L60.8 12.3Q60.5 12.2 60.3 12.2Q60 12.1 59.6 12.1Q59 12.1 58.2 12.6Q57.5 13.2 56.9 14.5V21.5Z"
    "M69 21.8Q68.2 21.8 67.4 21.4Q66.6 21 65.9 20.2H65.8L65.5 21.5H63.1V4.6H66.2V8.9L66.1 10.8"
    "Q66.8 10.1 67.7 9.7Q68.5 9.4 69.4 9.4Q70.9 9.4 71.9 10.1Q73 10.9 73.5 12.2Q74.1 13.5 74.1 15.4"
    "Q74.1 17.4 73.3 18.8Q72.6 20.3 71.5 21Q70.3 21.8 69 21.8ZM68.3 19.2Q69 19.2 69.6 18.8Q70.2 18.4 70.5 17.5"
    "Q70.8 16.7 70.8 15.4Q70.8 14.3 70.6 13.5Q70.3 12.8 69.8 12.4Q69.3 11.9 68.5 11.9Q67.9 11.9 67.4 12.2"
    "Q66.8 12.5 66.2 13.1V18.3Q66.8 18.8 67.3 19Q67.9 19.2 68.3 19.2Z"
    "M81.9 21.8Q80.2 21.8 78.9 21.1Q77.5 20.3 76.7 18.9Q75.9 17.5 75.9 15.6Q75.9 13.6 76.7 12.3"
    "Q77.6 10.9 78.8 10.1Q80.1 9.4 81.5 9.4Q83.2 9.4 84.3 10.1Q85.4 10.8 85.9 12.1Q86.5 13.4 86.5 15"
    "Q86.5 15.4 86.4 15.8Q86.4 16.2 86.3 16.5H78.3L78.3 14.3H83.7Q83.7 13.2 83.2 12.5Q82.7 11.8 81.6 11.8"
    "Q80.9 11.8 80.3 12.2Q79.7 12.5 79.4 13.3Q79 14.1 79 15.6Q79 16.9 79.5 17.8Q79.9 18.6 80.7 19"
    "Q81.4 19.3 82.3 19.3Q83 19.3 83.7 19.1Q84.4 18.9 85 18.5L86 20.5Q85.2 21.1 84.1 21.4Q83 21.8 81.9 21.8Z"
    "M91.9 21.8Q90.9 21.8 90.1 21.3Q89.3 20.9 88.8 20.1Q88.4 19.3 88.4 18.3Q88.4 16.3 90 15.3"
    "Q91.6 14.2 95.2 13.9Q95.2 13.3 95 12.9Q94.8 12.4 94.3 12.2Q93.9 11.9 93.2 11.9Q92.4 11.9 91.6 12.2"
    "Q90.8 12.5 90 13L88.8 10.9Q89.5 10.5 90.3 10.1Q91.1 9.8 92 9.6Q92.9 9.4 93.8 9.4Q95.3 9.4 96.3 10"
    "Q97.3 10.5 97.8 11.7Q98.4 12.9 98.4 14.6V21.5H95.8L95.6 20.2H95.5Q94.7 20.9 93.8 21.3Q92.9 21.8 91.9 21.8Z"
    "M92.9 19.3Q93.6 19.3 94.1 19Q94.7 18.7 95.2 18.2V15.9Q93.8 16.1 93 16.4Q92.1 16.7 91.8 17.1"
    "Q91.4 17.5 91.4 18Q91.4 18.7 91.8 19Q92.3 19.3 92.9 19.3Z"
    "M101.5 21.5V9.7H104.1L104.3 11.7H104.4Q105 10.6 105.9 10Q106.8 9.4 107.8 9.4Q108.2 9.4 108.6 9.4"
    "Q108.9 9.5 109.1 9.6L108.5 12.3Q108.2 12.2 108 12.2Q107.7 12.1 107.4 12.1Q106.7 12.1 105.9 12.6"
    "Q105.2 13.2 104.7 14.5V21.5Z"
)
"""The word, in outlines: a picture has no font of the page."""
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 112 30" width="112" height="30" role="img" '
    f'aria-label="forbear">{_MARK}<path d="{_LETTERS}" fill="{ACCENT}"/></svg>'
)
"""In a colour that can be seen on light and on dark."""
ICON = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 2 24 24">{_MARK}</svg>'
"""Drawn here: an icon by its name would be fetched from a site of others."""

_CSS = f"""
[data-testid="stMainBlockContainer"] {{ position: relative; max-width: 96rem; padding-inline: 2rem; }}
[data-testid="stApp"]:has([data-testid="stExpandSidebarButton"]) [data-testid="stMainBlockContainer"],
[data-testid="stApp"]:not(:has([data-testid="stSidebar"])) [data-testid="stMainBlockContainer"] {{ padding-top: 4rem; }}
[data-testid="stMain"] [data-testid="stVerticalBlock"] {{ gap: 0.7rem; }}
[data-testid="stHeading"] :is(h1, h2, h3) {{ padding: 0.15rem 0; letter-spacing: -0.01em; }}
[data-testid="stHeading"] h2 {{ padding: 0.8rem 0 0.75rem; }}
[data-testid="stHeading"] h3 {{ padding: 0.5rem 0 0.75rem; }}
[data-testid="stMetric"], [data-testid="stTable"], [data-testid="stMarkdownContainer"] {{
  font-variant-numeric: tabular-nums; }}
[data-testid="stMetricLabel"] p {{ white-space: normal; }}
[data-testid="stMetricValue"] > div {{ white-space: normal; overflow-wrap: anywhere; }}
[data-testid="stPageLink"] a {{ min-height: 0; padding: 0.1rem 0.3rem 0.1rem 0; }}
[data-testid="stPageLink"] p {{ font-size: 0.87rem; white-space: normal; }}
[data-testid="stVegaLiteChart"] {{ overflow-x: auto; overflow-y: hidden; }}
[class*="st-key-download-"] button {{ min-height: 0; padding: 0; font-size: 0.8rem; opacity: 0.75; }}
[class*="st-key-download-"] button:is(:hover, :focus-visible) {{ opacity: 1; }}
[class*="st-key-download-"] button p {{ font-size: 0.8rem; }}
.st-key-{NOTICE} {{ position: absolute; top: 2.3rem; right: 2rem; width: auto; z-index: 1; }}
[data-testid="stSidebarHeader"] {{ height: 3.4rem; margin-bottom: 0.4rem; padding: 0 1rem; }}
[data-testid="stSidebarContent"] {{ padding: 0 0.5rem; }}
[data-testid="stSidebarNav"] {{ padding-bottom: 0; }}
[data-testid="stSidebarUserContent"] {{ padding: 0.6rem 1rem 1rem; }}
[data-testid="stSidebarNavItems"] {{ padding: 0 0.6rem; }}
:is(a, button, summary, [role="radio"], [role="tab"]):focus-visible {{
  outline: 2px solid {ACCENT}; outline-offset: 2px; }}
[data-testid="stAlertContainer"] {{ padding: 0.6rem 0.9rem; }}
[data-testid="stMain"] hr {{ margin: 0.6rem 0; }}
@media (max-width: 640px) {{
  [data-testid="stHorizontalBlock"]:has([data-testid="stMetric"]) > [data-testid="stColumn"] {{
    flex: 1 1 calc(50% - 0.5rem); min-width: calc(50% - 0.5rem); }}
}}
@media (max-width: 768px) {{
  [data-testid="stMainBlockContainer"] {{ padding-left: 1rem; padding-right: 1rem; }}
  .st-key-{NOTICE} {{ position: static; }}
}}
@media (forced-colors: active) {{ [data-testid="stMetric"] {{ border: 1px solid CanvasText; }} }}
"""


def dress() -> None:
    """Put style sheet and name on the page. Takes no room on it."""
    st.html(f"<style>{_CSS}</style>")
    st.logo(LOGO, size="large")
