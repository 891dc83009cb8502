"""README and docs are accurate.

Links lead somewhere, commands parse, flags exist, and tables agree with the specifications.
"""

import ast
import functools
import importlib
import importlib.util
import itertools
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest
import zoo
from absl import flags

import tfinpaint
from tfinpaint.systems.specification import all_systems

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = (
    "tfinpaint.train",
    "tfinpaint.evaluate",
    "tfinpaint.inpaint",
    "tfinpaint.export.__main__",
    "tfinpaint.studio.__main__",
    "tools.detail_windows",
    "tools.fill_many",
    "tools.load_test",
    "tools.prepare_data",
    "tools.study",
)
# absl's own, those of tools.import_weights, tools.attribution and tools.python_server, and Apache
# Beam's
OTHERS = {"flagfile", "help", "weights", "split", "grpc_port", "runner"}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fences(page, *languages):
    """The fenced blocks of a page in these languages, as (first line's number, text)."""
    found, block, language, begin = [], [], None, 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith("```"):
            if language is None:
                language, block, begin = line.strip()[3:], [], number + 1
            else:
                found += (
                    [(begin, textwrap.dedent("\n".join(block)))] if language in languages else []
                )
                language = None
        elif language is not None:
            block.append(line)
    return found


def without_fences(page):
    """A page's text, with the files that it includes in place, as the site shows it."""
    text = re.sub(
        r'(?m)^--8<-- "(.*)"$',
        lambda include: (ROOT / include[1]).read_text(encoding="utf-8"),
        page.read_text(encoding="utf-8"),
    )
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", text)


def commands(page):
    """The command lines of a page that start a module of this project: (module, arguments)."""
    found = []
    for _, block in fences(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if (
                words[1:2] == ["-m"]
                and words[0] == "python"
                and words[2].startswith(("tfinpaint.", "tools."))
            ):
                own = words[3 : words.index("--")] if "--" in words else words[3:]
                found.append((words[2], own))  # what follows "--" is Apache Beam's
    return found


MODULES = sorted({module for page in PAGES for module, _ in commands(page)})


def rows(text):
    """The cells of the first table in `text`: a list of rows, the heading first."""
    lines = text[text.index("\n|") + 1 :].split("\n")
    table = list(itertools.takewhile(lambda line: line.startswith("|"), lines))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [cells[0], *cells[2:]]


def section(page, heading):
    text = (ROOT / page).read_text(encoding="utf-8")
    begin = text.index(f"\n## {heading}\n") + 1
    return text[begin:].split("\n## ")[0]


@pages
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", without_fences(page)):
        assert target.startswith("https://") or (page.parent / target).exists(), target


PARSE = """
import importlib, json, sys
from absl import flags
importlib.import_module(sys.argv[1])
for arguments in json.loads(sys.argv[2]):
    rest = flags.FLAGS(["command", *arguments])[1:]
    assert not rest, rest
    flags.FLAGS.unparse_flags()
found = {name: (flags.FLAGS[name].default, flags.FLAGS[name].help) for name in flags.FLAGS}
print(json.dumps(found, default=str))
"""


@functools.lru_cache(maxsize=None)
def parsed(module):
    """The command lines of all pages, parsed by their module. -> {flag: [default, help]}

    Each module has a process of its own, as its users meet it: in one process each command would
    know the others' flags.
    """
    lines = [arguments for page in PAGES for name, arguments in commands(page) if name == module]
    lines = [
        [re.sub(r"=runs/.*flags.txt", "=configs/paris.flags", argument) for argument in line]
        for line in lines
    ]
    main = (
        f"{module}.__main__"
        if importlib.util.find_spec(module).submodule_search_locations
        else module
    )
    run = subprocess.run(
        [sys.executable, "-c", PARSE, main, json.dumps(lines)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("module", MODULES)
def test_command_lines_parse(module):
    assert "verbosity" in parsed(module)


def as_in_docs(default, told):
    """A default as tables of flags show it. What a flag's help tells goes before what it has."""
    if words := re.search(r"Default: (.+)\.$", told):
        return words[1]
    if default is None or isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, list):
        return ",".join(f"{float(number):g}" for number in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


@pytest.mark.parametrize(
    "page, modules",
    {
        "data": ("tools.prepare_data", "tfinpaint.train"),
        "evaluate": ("tfinpaint.evaluate",),
        "export": ("tfinpaint.export",),
        "fill": ("tfinpaint.inpaint",),
        "studio": ("tfinpaint.studio",),
        "study": ("tools.study",),
    }.items(),
)
def test_tables_of_flags_have_the_defaults_of_the_commands(page, modules):
    heading, compared = "\n| flag | default |", 0
    _, *tables = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8").split(heading)
    for module, table in zip(modules, tables, strict=True):
        for names, default, _ in rows(heading + table)[1:]:
            if default and re.fullmatch(r"`--\w+`", names):
                name, shown = names.strip("`-"), re.fullmatch(r"`(.*)`|([\d.,]+|on|off)", default)
                if shown:  # others are told in words
                    found = as_in_docs(*parsed(module)[name])
                    assert (shown[1] or shown[2]) == found, (module, name)
                    compared += 1
    assert compared >= 2


def test_the_page_of_reliability_counts_the_zoo():
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    pattern = r"writes (\d+) small files \((\d+) of them need `pillow-jxl"
    written, of_jxl = map(int, re.search(pattern, text).groups())
    jxl = [animal.name.endswith(".jxl") for animal in zoo.animals()]
    assert jxl.count(False) == written - of_jxl
    assert jxl.count(True) == (of_jxl if importlib.util.find_spec("pillow_jxl") else 0)


def test_pages_have_a_command_line_of_each_command():
    assert {
        "tfinpaint.train",
        "tfinpaint.evaluate",
        "tfinpaint.inpaint",
        "tfinpaint.export",
        "tfinpaint.studio",
    } <= set(MODULES)


@pages
def test_flags_exist(page):
    for module in COMMANDS:
        importlib.import_module(module)
    for name in re.findall(r"`--(?:no)?\[?(\w+)", without_fences(page)):
        assert name in flags.FLAGS or f"no{name}" in flags.FLAGS or name in OTHERS, name


@pages
def test_python_can_be_compiled(page):
    for line, block in fences(page, "python"):
        ast.parse(block, f"{page.name}:{line}")


def test_the_specification_that_contributors_are_shown_can_be_made():
    (block,) = (
        text for _, text in fences(ROOT / "CONTRIBUTING.md", "python") if "SPECIFICATION" in text
    )
    names = {}
    exec(block, names)
    assert names["SPECIFICATION"].weights() == {"l1": 1.0} and set(
        names["SPECIFICATION"].small
    ) <= set(names["SPECIFICATION"].defaults)


@pytest.mark.slow
def test_the_python_page_runs(tmp_path, monkeypatch):
    """Its blocks run one after the other; the test provides the photograph, the mask and the
    batches."""
    import numpy as np
    import tensorflow as tf
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.effect_noise((80, 70), 60).convert("RGB").save("photo.jpg")
    mask = np.zeros([70, 80], np.uint8)
    mask[20:40, 30:60] = 255
    Image.fromarray(mask).save("mask.png")
    images = tf.random.stateless_uniform([2, 64, 64, 3], [0, 0], -1, 1)
    holes = tf.pad(tf.ones([2, 16, 16, 1]), [[0, 0], [24, 24], [24, 24], [0, 0]])
    names = {
        "images": images,
        "holes": holes,
        "batches": tf.data.Dataset.from_tensors((images, holes)),
    }
    for _, block in fences(ROOT / "docs/python.md", "python"):
        exec(block, names)
    assert (
        names["raw"].shape == images.shape
        and names["photo"].shape == (70, 80, 3)
        and len(names["maps"]) == 1
    )
    assert set(names["drawn"]) == {"places", "weights"} and (tmp_path / "places.png").exists()
    assert np.isfinite(names["losses"]["loss"]) and names["filled"].shape == (2, 32, 32, 64)


@pytest.mark.skipif(not ((ROOT / ".git").exists() and shutil.which("git")), reason="no clone")
def test_what_the_readmes_commands_write_is_no_change_of_the_clone():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    written = set(re.findall(r"--(?:output|run_dir)=([^\s`*]+)", readme))
    assert len(written) > 5
    for path in written:  # `first` is a folder, which git does not know before it is there
        names = [path, f"{path.rstrip('/')}/file"]
        words = ["git", "-c", f"safe.directory={ROOT}", "check-ignore", *names]
        ignored = subprocess.run(words, cwd=ROOT, capture_output=True)
        assert ignored.stdout, path


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 1000


@pytest.mark.parametrize("page, heading", [("README.md", "Systems"), ("docs/systems.md", None)])
def test_tables_have_all_systems(page, heading):
    text = section(page, heading) if heading else (ROOT / page).read_text(encoding="utf-8")
    named = [re.sub(r"\[?`(\w+)`.*", r"\1", row[0]) for row in rows(text)[1:]]
    assert sorted(named) == sorted(tfinpaint.SYSTEMS)


def test_the_citation_file_has_the_paper_of_each_published_system():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    titles = dict(re.findall(r"notes: (\w+)\n    title: \"?([^\n\"]+)", text))
    published = {n: s.paper for n, s in all_systems().items() if s.paper}
    assert set(titles) == set(published) and len(published) == 11
    for name, title in titles.items():
        assert title.casefold() in published[name].casefold(), name


@pytest.mark.parametrize("name", tfinpaint.SYSTEMS)
def test_tables_of_terms_agree_with_the_specifications(name):
    heading, *lines = rows(section(f"docs/systems/{name}.md", "Terms and training"))
    specification = all_systems()[name]
    paper = {
        row[0].strip("`"): float(row[heading.index("paper" if "paper" in heading else "weight")])
        for row in lines
    }
    official = {
        row[0].strip("`"): float(
            row[heading.index("official" if "official" in heading else "weight")]
        )
        for row in lines
    }
    assert paper == specification.weights("paper") and official == specification.weights("official")
    if "equation" in heading:
        equations = {row[0].strip("`"): row[heading.index("equation")] for row in lines}
        told = {term.name: term.equation for term in specification.terms if term.equation}
        assert told == {term: equations[term] for term in told}


def test_the_table_of_keys_has_those_of_the_studios_page():
    def keys(cell):
        return set(re.split(r",? or (?:hold )?|, | and ", cell))

    table = set().union(*(keys(row[0]) for row in rows((ROOT / "docs/studio.md").read_text())[1:]))
    page = ROOT / "tfinpaint/studio/page"
    script = (page / "studio.js").read_text()
    plain, control = (
        {key.strip('"') for key in re.findall(r'("."|\w+): (?:"|event)', text)}
        for text in (
            script.split("const KEYS = {")[1].split("};")[0],
            script.split("const action = {")[1].split("}[key]")[0],
        )
    )
    known = {key if len(key) > 1 else key.upper() for key in plain} - {"Escape", "="} | {"Esc"}
    assert table == (
        known | {f"Ctrl+{key.upper()}" for key in control} | {"Ctrl+Shift+Z", "space", "arrow keys"}
    )
    tooltips = re.findall(r'title="[^"(]*\(([^)]+)\)"', (page / "index.html").read_text())
    assert len(tooltips) > 15
    told = {key for cell in tooltips for key in keys(cell)}
    assert told <= table


def test_troubleshooting_quotes_messages_of_the_code():
    """Their pieces between names and numbers are string constants of the package."""
    constants = [
        node.value.replace("`", "")
        for path in sorted((ROOT / "tfinpaint").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    names = (
        r"--\w+=[^\s,]+|\(--\w+\)|\w+\.(?:png|jpg)|VGG-16|TIFF|bfloat16|multistage|residual"
        r"|\(Address already in use\)"
    )
    checked = 0
    for heading in ("Filling", "Training", "Studio and servers"):
        for seen, _ in rows(section("docs/troubleshooting.md", heading))[1:]:
            for message in re.findall("`([^`]+ [^`]+)`", seen):
                for piece in re.split(rf"{names}|[\d.x]*\d|: |\(\.\.\.\)", message):
                    piece = piece.strip(" ,.:()%")
                    assert any(piece in constant for constant in constants), (message, piece)
                    checked += len(piece.split()) > 2
    assert checked > 15


def test_configs_that_pages_name_exist():
    for page in PAGES:
        for name in re.findall(r"configs/(\w+\.flags)", page.read_text(encoding="utf-8")):
            assert (ROOT / "configs" / name).exists(), (page.name, name)
    for *_, configs, _ in rows(
        (ROOT / "docs/systems.md")
        .read_text(encoding="utf-8")
        .split("what `--variant=official` changes")[1]
    ):
        for name in re.findall(r"`([\w*]+)`", configs):
            assert list(ROOT.glob(f"configs/{name}.flags")), name
