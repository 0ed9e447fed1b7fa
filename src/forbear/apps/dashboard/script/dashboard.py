"""The script that Streamlit runs anew for every look."""

from forbear.apps.dashboard.app import main

main()
