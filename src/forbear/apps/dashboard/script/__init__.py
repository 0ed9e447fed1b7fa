"""What Streamlit is started with, in a folder of its own: it looks for pages and modules beside it."""
