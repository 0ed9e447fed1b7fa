"""What `forbear models story` shows and writes."""

from __future__ import annotations

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.model_story import StoryRequest, tell_story
from forbear.apps.model_story_page import story_page

PAGE = "story.html"


def show_story(home: Home, request: StoryRequest, console: Console) -> None:
    """Play the story, say each thing as it happens, and write its page. Raises as `tell_story` does."""
    stage = tell_story(home, request, console)
    page = home.reports / PAGE
    write_whole(page, story_page(stage.chapters, request, page).encode())
    chapters = [
        {
            "on": one.on.isoformat(),
            "title": one.title,
            "told": one.told,
            "pages": {name: str(path) for name, path in one.pages.items()},
        }
        for one in stage.chapters
    ]
    console.result({"page": str(page), "chapters": chapters})
    console.say(f"Page: {page}")
