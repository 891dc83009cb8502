"""tools.docs_hooks finds what a built page would load from another host, and nothing else."""

import pytest

from tools import docs_hooks


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://unpkg.com/mermaid.js"></script>',
        '<script src="//cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="https://fonts.example/css?family=Roboto">',
        '<link rel="preconnect" href="https://fonts.example" crossorigin>',
        '<img src="HTTPS://example.org/a.png">',
        '<img src="a.png" srcset="a.png 1x, https://example.org/b.png 2x">',
        '<iframe src="http://example.org/"></iframe>',
        '<p style="background: url(https://example.org/a.png)">x</p>',
        '<style>@import "https://example.org/a.css";</style>',
        '<pre class="mermaid">graph</pre>',
    ],
)
def test_loads_from_elsewhere(html):
    assert len(docs_hooks.loads(f"<html><body>{html}</body></html>")) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.org/">a link is followed by whoever clicks it</a>',
        '<script src="assets/bundle.js"></script><link rel="stylesheet" href="../main.css">'
        '<img src="a.png" srcset="a.png 1x, b.png 2x">',
        '<link rel="canonical" href="https://example.org/">',
        '<svg xmlns="http://www.w3.org/2000/svg"><use href="#icon"/></svg>',
        "<code>curl http://localhost:8501/v1/models/quickstart:predict</code>",
        '<img src="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22%3E">',
        "<style>p { background: url(a.png) }</style>",
    ],
)
def test_loads_from_here(html):
    assert docs_hooks.loads(html) == []


def test_style_sheets():
    assert docs_hooks.style_loads(
        "a{src:url('https://example.org/a.woff2')}@import url(//example.org/b.css);"
    ) == ["https://example.org/a.woff2", "//example.org/b.css"]
    assert (
        docs_hooks.style_loads(
            "a{--icon:url(\"data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'>\")}"
        )
        == []
    )


def test_complaints_name_the_page(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>good</p>", encoding="utf-8")
    (tmp_path / "assets/main.css").write_text("p{background:url(a.png)}", encoding="utf-8")
    assert docs_hooks.complaints(tmp_path) == []
    (tmp_path / "bad.html").write_text(
        '<script src="https://example.org/x.js"></script>', encoding="utf-8"
    )
    (tmp_path / "assets/bad.css").write_text(
        "@import 'https://example.org/x.css';", encoding="utf-8"
    )
    assert docs_hooks.complaints(tmp_path, "https://example.org/repo") == [
        "bad.html loads https://example.org/x.js",
        "assets/bad.css loads https://example.org/x.css",
        "repo_url: every page asks https://example.org/repo for its stars",
    ]
