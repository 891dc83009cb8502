"""Checks that the pages of the built site load nothing from other hosts.

mkdocs calls `on_post_build` when the site is written (mkdocs.yml, `hooks`). `make docs` then fails
if a page or a style sheet would load something from elsewhere. Links that the reader may click do
not count.
"""

import html.parser
import pathlib
import re

_LOADED = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
# Values of <link rel=...> that a browser does not load by itself.
_LINKS = {"canonical", "prev", "next", "alternate", "license", "edit"}
_ELSEWHERE = re.compile(r"(?i)(^|[\s,])(https?:)?//")
_STYLE = re.compile(r"""(?i)(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


class _Loads(html.parser.HTMLParser):
    """Collects what a page loads from other hosts."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}
        names = _LOADED.get(tag, ())
        if tag == "link" and not set(attrs.get("rel", "").split()) <= _LINKS:
            names = ("href",)
        self.found += [attrs[name] for name in names if _ELSEWHERE.search(attrs.get(name, ""))]
        self.found += _STYLE.findall(attrs.get("style", ""))
        # The theme would load the renderer of these diagrams from a content delivery network.
        if "mermaid" in attrs.get("class", "").split():
            self.found.append("the renderer of mermaid diagrams")

    def handle_data(self, data):
        if self.lasttag == "style":
            self.found += _STYLE.findall(data)


def loads(text: str) -> list:
    """The addresses that an HTML page loads from other hosts."""
    page = _Loads()
    page.feed(text)
    return page.found


def style_loads(text: str) -> list:
    """The addresses that a style sheet loads from other hosts."""
    return _STYLE.findall(text)


def complaints(site: pathlib.Path, repository: str = "") -> list:
    """A line for each page or style sheet under `site` that loads something from another host.

    repository: mkdocs' repo_url. If there is one, the theme loads the repository's number of stars
                from its host.
    """
    found = [
        (path, loads(path.read_text(encoding="utf-8"))) for path in sorted(site.rglob("*.html"))
    ]
    found += [
        (path, style_loads(path.read_text(encoding="utf-8")))
        for path in sorted(site.rglob("*.css"))
    ]
    lines = [
        f"{path.relative_to(site)} loads {', '.join(sorted(set(what)))}"
        for path, what in found
        if what
    ]
    return lines + ([f"repo_url: every page asks {repository} for its stars"] if repository else [])


def on_post_build(config):
    """mkdocs calls this when the site is written.

    Raises: mkdocs' PluginError, which ends the build with the complaints.
    """
    lines = complaints(pathlib.Path(config["site_dir"]), config["repo_url"])
    if lines:
        # Imported here, because the tests of this file run without mkdocs.
        from mkdocs.exceptions import PluginError

        raise PluginError("The site contacts other hosts:\n" + "\n".join(lines))
