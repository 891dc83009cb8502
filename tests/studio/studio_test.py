"""The studio's page in a real browser: brushed pixels are filled, known ones keep their bytes.

Every trouble is a line on the page. The tests need Playwright and Chromium; without them they are
skipped.
"""

import io
import json
import re
import shutil
import time

import numpy as np
import pytest
import zoo
from PIL import Image
from serving.calls import b64, http_server, png, silent_port
from starlette.applications import Starlette
from tensorflow.core.protobuf import meta_graph_pb2

from tfinpaint.painting.boxes import Box, Context, window_around
from tfinpaint.photo import read_photo
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.listening import Listener
from tfinpaint.serving.server import Server
from tfinpaint.studio.routes import forwarding_route, page_routes

pytest.importorskip("playwright", reason="no playwright: pip install -e .[test]")
from playwright.sync_api import expect, sync_playwright  # noqa: E402
from studio.studio_page import Person, brushed  # noqa: E402

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no Chromium on the PATH: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


class Red:
    """A model, as the server sees it. It paints holes red."""

    name, version, signature_defs = "red", 1, {}

    def input_dtypes(self, signature):
        return {"image_bytes": np.dtype(object), "mask_bytes": np.dtype(object)}

    def predict(self, signature, inputs):
        photo, mask = (
            np.array(Image.open(io.BytesIO(inputs[name][0])).convert(mode))
            for name, mode in (("image_bytes", "RGB"), ("mask_bytes", "L"))
        )
        photo[mask > 127] = 255, 0, 0
        return {"filled_bytes": np.array([png(photo)], object)}


class Grey(Red):
    """It has several fills of one hole: the seed is the grey of it."""

    name, signature_defs = "grey", {"sample": meta_graph_pb2.SignatureDef()}

    def input_dtypes(self, signature):
        seed = {"seed": np.dtype(np.int32)} if signature == "sample" else {}
        return {**super().input_dtypes(signature), **seed}

    def predict(self, signature, inputs):
        photo, mask = (
            np.array(Image.open(io.BytesIO(inputs[name][0])).convert(mode))
            for name, mode in (("image_bytes", "RGB"), ("mask_bytes", "L"))
        )
        if inputs.get("seed", [0])[0] == 3:
            raise ServingError("INTERNAL", "no third way")
        photo[mask > 127] = 10 * inputs.get("seed", [0])[0]
        return {"filled_bytes": np.array([png(photo)], object)}


@pytest.fixture(scope="module")
def studio(server):
    """A server of three models, "small", "red" and "grey", with the page."""
    with Server(
        {},
        port=0,
        grpc_port=None,
        routes=page_routes([{"name": name, "about": ""} for name in ("small", "red", "grey")]),
    ) as studio:
        studio.models.update(server.models, red=Red(), grey=Grey())  # already loaded
        yield studio


@pytest.fixture
def visit(browser):
    """visit(url, ...) -> Person.

    Afterwards it checks that the page contacted no host but its own, and that its own code wrote
    no error to the console.
    """
    contexts = []

    def go(url, width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        context.asked, context.broken, context.home = [], [], url
        page.on("request", lambda request: context.asked.append(request.url))
        page.on("pageerror", lambda error: context.broken.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type == "error"
                and "Failed to load resource" not in message.text
                and context.broken.append(message.text)
            ),
        )
        page.on("dialog", lambda dialog: dialog.accept())
        contexts.append(context)
        page.goto(url)
        return Person(page)

    yield go
    for context in contexts:
        assert not context.broken
        assert context.asked and all(
            re.match(rf"(blob:)?{re.escape(context.home)}/", one) for one in context.asked
        ), context.asked
        context.close()


@pytest.fixture
def person(visit, studio):
    return visit(studio.url)


def noise(height, width, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def whole_fill(painter, photo, mask):
    """The exported model's answer to the whole photograph: one window for all of its holes."""
    import tensorflow as tf

    answer = painter._model.signatures["tensors"](
        image=tf.constant(photo[np.newaxis]), mask=tf.constant(mask[np.newaxis, ..., np.newaxis])
    )
    return answer["filled"].numpy()[0]


def served(person):
    return [url for url in person.page.context.asked if url.endswith(":predict")]


# ------------------------------------------------------------------------------------------ filling


def test_a_hole_is_brushed_filled_and_saved(person, painter, pair):
    photo, _ = pair
    person.open(photo)
    points = [(60, 70), (90, 95), (130, 80)]
    size = person.set_brush(22)
    person.drag(*points)
    person.hears(r"^Red is the hole: \d+\.\d % of 240×160 pixels")
    mask = person.save_mask()
    assert person.saved == "photo_mask.png"
    assert 0.98 < (brushed(mask.shape, points, size) == mask).mean() and (mask > 0).sum() > 1500
    person.fill()
    filled = person.save()
    assert person.saved == "photo_filled.png"
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    np.testing.assert_array_equal(filled, whole_fill(painter, photo, mask))
    assert (filled != photo).any(-1)[mask > 0].mean() > 0.9
    np.testing.assert_array_equal(person.save_mask(), mask)  # the mask that was filled
    assert len(served(person)) == 1


def test_a_brush_is_exact_to_the_pixel(visit, studio):
    person = visit(studio.url, 700, 620)
    person.open(noise(300, 300))
    left, top = person.place(0, 0)
    scale = person.place(1, 0)[0] - left
    person.page.evaluate("""() => {
        const viewport = document.getElementById("viewport");
        const see = (event) => event.buttons && window.seen.push([event.clientX, event.clientY]);
        viewport.addEventListener("pointerdown", see);
        viewport.addEventListener("pointermove",\
 (event) => event.getCoalescedEvents().forEach(see));
    }""")
    for wanted, points in (
        (30, [(100, 100), (150, 120)]),
        (1, [(40, 200)]),
        (7, [(200, 50), (200, 250), (203, 260)]),
        (60, [(0, 300), (30, 290)]),
    ):
        size = person.set_brush(wanted)
        person.page.keyboard.press("Delete")
        person.page.evaluate("() => (window.seen = [])")
        person.drag(*points)
        seen = [
            ((x - left) / scale, (y - top) / scale)
            for x, y in person.page.evaluate("() => window.seen")
        ]
        assert len(seen) == len(points)
        mask = person.save_mask()
        low, high = (brushed(mask.shape, seen, max(size, 2**0.5) + d) for d in (-0.001, 0.001))
        assert (low <= mask).all() and (mask <= high).all() and mask.any(), size


def test_what_is_filled_is_filled_again_on_top(person, painter, pair):
    photo, _ = pair
    person.open(photo)
    person.drag((60, 70), (90, 95))
    first = person.save_mask()
    person.fill()
    assert not person.page.is_disabled("#undo")
    person.drag((85, 80), (120, 80))
    person.fill()
    both = person.save_mask()
    person.page.keyboard.press("Control+z")
    person.hears("Red is the hole")  # the second hole
    once = whole_fill(painter, photo, first)
    np.testing.assert_array_equal(person.save(), once)
    person.page.keyboard.press("Control+Shift+z")
    twice = person.save()
    np.testing.assert_array_equal(twice[both == 0], photo[both == 0])
    assert (both >= first).all() and (both != first).any() and (twice != once).any()
    assert len(served(person)) == 2  # undo and redo send no request


def test_holes_far_apart_are_sent_one_by_one(person, painter):
    photo = noise(700, 1600)
    person.open(photo)
    person.set_brush(26)
    person.page.evaluate("""() => {
        const before = window.fetch;
        window.sent = [];
        window.fetch = (path, options) => {
            window.sent.push(options.body.size);
            return before(path, options);
        };
    }""")
    person.drag((100, 100), (120, 110))
    person.drag((1500, 600), (1520, 600))
    person.drag((1440, 590), (1445, 580))  # its window includes pixels of the hole before
    mask = person.save_mask()
    person.fill()
    bodies = person.page.evaluate("() => window.sent")
    assert len(bodies) == 2 and sum(bodies) < 0.5 * 4 / 3 * photo.size  # 4 / 3 for base64
    filled = person.save()
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    for left, right in ((0, 800), (800, 1600)):
        side = mask.copy()
        side[:, :left] = side[:, right:] = 0
        want = whole_fill(painter, photo, side)
        np.testing.assert_array_equal(filled[side > 0], want[side > 0])


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 40, 30),
        pytest.param((560, 470, 600, 500), marks=pytest.mark.slow),
        pytest.param((200, 0, 500, 100), marks=pytest.mark.slow),
        pytest.param((10, 10, 590, 490), marks=pytest.mark.slow),
        (299, 250, 301, 251),
    ],
)
def test_a_part_is_filled_as_the_whole_photograph_would_be(person, painter, box):
    left, top, right, bottom = box
    photo = noise(500, 600)
    mask = np.zeros((500, 600), np.uint8)
    mask[top:bottom, left:right] = 255
    person.open(photo)
    person.load_mask(mask)
    person.hears("Red is the hole")
    person.fill()
    np.testing.assert_array_equal(person.save(), whole_fill(painter, photo, mask))


def test_a_part_has_what_the_model_sees_around_a_hole(person):
    """The window that the server cuts lies inside the part, and at most its rounding is beside."""
    rng = np.random.default_rng(0)
    contexts = [Context(), Context(11 / 16, centred=True), Context(0.3, least=10)]
    cases = []
    for number in range(60):
        width, height = (int(side) for side in rng.integers(300, 3000, 2))
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        right, bottom = int(rng.integers(left, width)) + 1, int(rng.integers(top, height)) + 1
        context = {**contexts[number % 3]._asdict(), "stride": (1, 8, 256, 1024)[number % 4]}
        cases.append([left, top, right, bottom, width, height, context])
    parts = person.page.evaluate(
        """async (cases) => {
            const { partsOf } = await import("./parts.js");
            return cases.map(([left, top, right, bottom, width, height, context]) => {
                const rows = Array.from({length: bottom - top}, (_, i) => (top + i) * width);
                const runs = rows.flatMap((row) => [row + left, row + right]);
                const [{ part }, ...others] = partsOf(runs, width, height, context);
                return [part.top, part.left, part.bottom, part.right, others.length];
            });
        }""",
        cases,
    )
    for (left, top, right, bottom, width, height, context), (*sides, others) in zip(cases, parts):
        part, box, shape = Box(*sides), Box(top, left, bottom, right), (height, width)
        assert others == 0
        stride = context.pop("stride")
        window = window_around(box, shape, stride, Context(**context))
        assert part.top <= window.top <= window.bottom <= part.bottom
        assert part.left <= window.left <= window.right <= part.right
        least = window_around(box, shape, 1, Context(**context))
        assert all(a <= b + stride for a, b in zip(part.size, least.size))


def test_a_model_that_sees_more_is_sent_more(visit, studio):
    sizes = []

    class Seen(Red):
        def predict(self, signature, inputs):
            sizes.append(Image.open(io.BytesIO(inputs["image_bytes"][0])).size)
            return super().predict(signature, inputs)

    about = {"about": "", "context": {"share": 11 / 16, "centred": True, "least": 64, "stride": 8}}
    routes = page_routes([{"name": "red", "about": ""}, {"name": "grey", **about}])
    with Server({}, port=0, grpc_port=None, routes=routes) as one:
        one.models.update(red=Seen(), grey=Seen())
        person = visit(one.url)
        person.open(np.zeros((1200, 1400, 3), np.uint8))
        mask = np.zeros((1200, 1400), np.uint8)
        mask[600:620, 500:800] = 255
        person.load_mask(mask)
        person.hears("Red is the hole")
        for name in ("red", "grey"):
            person.page.select_option("#model", name)
            person.fill()
            person.page.keyboard.press("Control+z")
        assert sizes == [(300 + 2 * 150 + 256, 20 + 2 * 64 + 256), 2 * (300 + 2 * 207 + 8,)]


def test_another_model_is_chosen(person, painter, pair):
    photo, mask = pair
    person.open(photo)
    person.load_mask(mask)
    person.hears("Red is the hole")
    person.fill()
    np.testing.assert_array_equal(person.save(), painter.fill(photo, mask))
    person.page.keyboard.press("Control+z")
    person.page.select_option("#model", "red")
    expect(person.page.locator("#model-state")).to_have_class("ready")
    person.fill()
    person.hears("^Filled with red in ")
    np.testing.assert_array_equal(
        person.save(), np.where(mask[..., np.newaxis] > 127, np.uint8([255, 0, 0]), photo)
    )
    assert [url.rpartition("/")[2] for url in served(person)] == ["small:predict", "red:predict"]


def test_another_one(person, pair):
    """Only of a model that has several fills; each is another seed, and undo brings back the one
    before."""
    photo, mask = pair
    another = person.page.locator("#another")
    expect(another).to_be_hidden()
    person.page.select_option("#model", "grey")
    expect(another).to_be_visible()
    person.open(photo)
    person.load_mask(mask)
    person.hears("Red is the hole")
    expect(another).to_be_disabled()
    person.fill()

    def shown():
        filled = person.save()
        np.testing.assert_array_equal(filled[mask <= 127], photo[mask <= 127])
        return np.unique(filled[mask > 127]).tolist()

    assert shown() == [0]
    for seed, ask in ((1, another.click), (2, lambda: person.page.keyboard.press("n"))):
        with person.page.expect_response("**:predict"):
            ask()
        expect(another).to_be_enabled()
        assert shown() == [10 * seed]
    another.click()
    person.hears_error("no third way")
    assert shown() == [20] and (person.save_mask() == 255 * (mask > 127)).all()
    person.page.keyboard.press("Control+z")
    assert shown() == [10]
    person.page.keyboard.press("Control+z")
    assert shown() == [0]
    person.page.keyboard.press("Control+z")
    person.hears("Red is the hole")
    expect(another).to_be_disabled()
    person.page.select_option("#model", "red")
    expect(another).to_be_hidden()


# ------------------------------------------------------------------------------------------ drawing


def test_undo_redo_eraser_rectangle(person):
    person.open(noise(160, 240))
    person.page.keyboard.press("r")
    person.drag((20, 30), (100, 90))
    rectangle = person.save_mask()
    want = np.zeros((160, 240), np.uint8)
    want[30:90, 20:100] = 255
    assert (rectangle != want).mean() < 0.01  # the mouse moves by whole pixels of the window
    assert (
        len(np.unique(rectangle[45, 30:90])) == 1
        and (rectangle.any(0).sum() * rectangle.any(1).sum()) == (rectangle > 0).sum()
    )
    person.page.click("text=Eraser")
    person.drag((60, 60), (60, 60.5))
    erased = person.save_mask()
    assert (erased <= rectangle).all() and erased[60, 60] == 0 and erased[32, 22] == 255
    person.page.click("[aria-label=Undo]")
    np.testing.assert_array_equal(person.save_mask(), rectangle)
    person.page.click("[aria-label=Redo]")
    np.testing.assert_array_equal(person.save_mask(), erased)
    person.page.click("[aria-label=Invert]")
    np.testing.assert_array_equal(person.save_mask(), 255 - erased)
    person.page.click("[aria-label=Clear]")
    person.hears("nothing is painted red")
    for want in (255 - erased, erased, rectangle):
        person.page.keyboard.press("Control+z")
        np.testing.assert_array_equal(person.save_mask(), want)
    person.page.keyboard.press("Control+z")
    expect(person.page.locator("#undo")).to_be_disabled()
    person.page.keyboard.press("b")
    person.drag((60, 60), (70, 60))  # a new stroke drops what was undone
    expect(person.page.locator("#redo")).to_be_disabled()


def test_what_is_shown_red_is_the_mask(person):
    photo = np.full((160, 240, 3), 255, np.uint8)
    person.open(photo)
    person.drag((60, 60), (120, 90))
    mask = person.save_mask()
    person.page.mouse.move(5, 5)
    shot = np.asarray(Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")).astype(int)
    for y, x in ((60, 60), (75, 90), (60, 120), (20, 20), (100, 100), (140, 230)):
        left, top = (int(value) for value in person.place(x + 0.5, y + 0.5))
        red = shot[top, left, 0] - shot[top, left, 1] > 60
        assert red == (mask[y, x] > 0), (x, y)


def test_keys_are_enough_for_everything_but_the_strokes(person, painter, pair):
    photo, mask = pair
    person.open(photo)
    for key, label in (("e", "Eraser"), ("r", "Rectangle"), ("h", "Move"), ("b", "Brush")):
        person.page.keyboard.press(key)
        expect(person.page.locator(f"[aria-label={label}]")).to_have_attribute(
            "aria-pressed", "true"
        )
        expect(person.page.locator("[data-tool][aria-pressed=true]")).to_have_count(1)
    size = person.brush_size()
    person.page.keyboard.press("]")
    assert person.brush_size() > size
    person.page.keyboard.press("[")
    person.page.keyboard.press("[")
    assert person.brush_size() < size
    person.load_mask(mask)
    person.hears("Red is the hole")
    person.page.keyboard.press("f")
    person.hears("^Filled")
    person.page.keyboard.press("c")
    expect(person.page.locator("#compare")).to_have_attribute("aria-pressed", "true")
    person.page.keyboard.press("Escape")
    expect(person.page.locator("#compare")).to_have_attribute("aria-pressed", "false")
    with person.page.expect_download() as download:
        person.page.keyboard.press("s")
    np.testing.assert_array_equal(
        np.asarray(Image.open(download.value.path()).convert("RGB")), painter.fill(photo, mask)
    )
    before = person.place(0, 0)
    person.page.keyboard.press("+")
    assert person.place(0, 0) != before
    person.page.keyboard.press("0")
    assert person.place(0, 0) == before
    person.page.keyboard.press("ArrowLeft")
    assert person.place(0, 0)[0] == before[0] + 60


def test_space_and_arrows_move_the_view_after_a_click_on_a_button(person):
    person.open(noise(160, 240))
    rectangle = person.page.locator("[aria-label=Rectangle]")
    person.page.click("text=Eraser")
    before = person.place(0, 0)
    person.page.keyboard.down(" ")
    person.drag((120, 80), (100, 60))
    person.page.keyboard.up(" ")
    moved = person.place(0, 0)
    assert moved[0] < before[0] and moved[1] < before[1]
    # Whoever goes from button to button by keys presses them with space.
    rectangle.focus()
    person.page.keyboard.press(" ")
    expect(rectangle).to_have_attribute("aria-pressed", "true")
    expect(rectangle).to_be_focused()
    person.page.keyboard.press("ArrowLeft")
    assert person.place(0, 0)[0] == moved[0] + 60
    person.page.focus("#size")
    person.page.keyboard.press("ArrowLeft")  # that of the slider
    assert person.place(0, 0)[0] == moved[0] + 60


def test_a_stroke_is_given_up_with_escape(person):
    person.open(noise(160, 240))
    person.page.mouse.move(*person.place(50, 50))
    person.page.mouse.down()
    person.page.mouse.move(*person.place(90, 50))
    person.page.keyboard.press("Escape")
    person.page.mouse.move(*person.place(90, 90))
    person.page.mouse.up()
    person.page.click("#fill")
    person.hears_error("Nothing is painted red")


@pytest.mark.parametrize("before", [True, False])
def test_a_fill_ends_the_stroke_that_is_being_drawn(person, before):
    """What is red is filled, and the saved mask has all of it."""
    person.page.select_option("#model", "red")
    photo = np.zeros((160, 240, 3), np.uint8)
    person.open(photo)
    person.set_brush(10)
    if before:
        person.drag((50, 50), (90, 50))
    person.page.mouse.move(*person.place(60, 100))
    person.page.mouse.down()
    person.page.mouse.move(*person.place(120, 100))
    person.page.keyboard.press("f")
    person.hears("^Filled with red")
    person.page.mouse.move(*person.place(120, 140))  # no stroke goes on
    person.page.mouse.up()
    mask, filled = person.save_mask(), person.save()
    assert mask[100, 90] == 255 and mask[50, 70] == 255 * before and mask[130, 120] == 0
    np.testing.assert_array_equal((filled != photo).any(-1), mask > 0)


@pytest.mark.parametrize("key", ["i", "m"])
def test_other_actions_end_the_stroke_too(person, key):
    person.open(noise(160, 240))
    person.set_brush(10)
    person.page.mouse.move(*person.place(60, 100))
    person.page.mouse.down()
    person.page.mouse.move(*person.place(120, 100))
    if key == "m":
        with person.page.expect_download():
            person.page.keyboard.press(key)
    else:
        person.page.keyboard.press(key)
        person.page.keyboard.press("Control+z")
    person.page.mouse.up()
    assert person.save_mask()[100, 90] == 255


def test_a_photograph_that_comes_during_a_stroke_has_no_hole(person):
    person.open(noise(160, 240))
    person.page.mouse.move(*person.place(60, 100))
    person.page.mouse.down()
    person.page.mouse.move(*person.place(120, 100))
    person.hand_over("paste", png(noise(160, 240, 4)), "other.png")
    person.hears("^other.png")
    person.page.mouse.move(*person.place(120, 50))
    person.page.mouse.up()
    person.page.click("#fill")
    person.hears_error("Nothing is painted red")


def test_what_can_be_undone_has_a_limit_of_memory(person):
    """The runs of noisy masks count too; states share those that have not changed."""
    person.open(noise(20, 30))
    kept = person.page.evaluate("""async () => {
        const { Work } = await import("./work.js");
        const work = new Work({});
        const filled = {byteLength: 2 ** 27};
        work.states = [{hole: {byteLength: 0}, filled, patches: []}];
        work.at = 0;
        return [100, 100, 100, 100, 300, 100].map((megabytes) => {
            work.push({hole: {byteLength: megabytes * 2 ** 20}, filled, patches: []});
            return work.states.length;
        });
    }""")
    assert kept == [2, 3, 4, 3, 2, 2]


def test_a_key_that_is_held_saves_once(person):
    person.open(noise(20, 30))
    saved = []
    person.page.on("download", lambda download: saved.append(download))
    person.page.keyboard.down("Control")
    for _ in range(4):
        person.page.keyboard.down("s")  # again without up: it repeats
        person.page.wait_for_timeout(50)
    person.page.keyboard.up("s")
    person.page.keyboard.up("Control")
    person.hears("^Saved")
    person.save()
    assert len(saved) == 2


def test_fingers_draw_and_two_of_them_zoom(visit, studio):
    person = visit(studio.url, 390, 844, has_touch=True, is_mobile=True)
    person.open(noise(160, 240))
    person.touch("touchStart", (60, 60))
    for x in (70, 80, 90):
        person.touch("touchMove", (x, 60))
    person.touch("touchEnd")
    drawn = person.save_mask()
    assert drawn[60, 60] and drawn[60, 75] and drawn[60, 90] and not drawn[120, 75]
    before = [person.place(0, 0), person.place(240, 160)]
    person.touch("touchStart", (100, 100))
    person.touch("touchStart", (100, 100), (140, 100))
    for spread in (5, 10, 20):
        person.touch("touchMove", (100 - spread / 4, 100), (140 + spread / 4, 100))
    person.touch("touchEnd", (95, 100))
    person.touch("touchMove", (30, 30))  # the finger that stays down does not draw
    person.touch("touchEnd")
    after = [person.place(0, 0), person.place(240, 160)]
    assert after[1][0] - after[0][0] > 1.1 * (before[1][0] - before[0][0])
    np.testing.assert_array_equal(person.save_mask(), drawn)


def test_zoomed_and_moved_a_brush_meets_its_pixel(person):
    person.open(noise(160, 240))
    person.set_brush(5)
    person.page.mouse.move(*person.place(200, 40))
    for _ in range(4):
        person.page.mouse.wheel(0, -200)
    scale = person.place(1, 0)[0] - person.place(0, 0)[0]
    assert scale > 8
    person.page.keyboard.down(" ")
    person.drag((200, 40), (195, 38))
    person.page.keyboard.up(" ")
    person.drag((190, 40), (190, 40))
    rows, columns = np.nonzero(person.save_mask())
    assert (
        abs(rows.mean() + 0.5 - 40) < 0.6
        and abs(columns.mean() + 0.5 - 190) < 0.6
        and 13 <= len(rows) <= 24
    )


def test_before_and_after(person, pair):
    photo = np.full((160, 240, 3), (40, 90, 200), np.uint8)
    person.open(photo)
    person.page.keyboard.press("r")
    person.drag((20, 20), (220, 140))
    person.fill()
    filled = person.save().astype(int)
    person.page.click("#compare")

    def shown(x, y):
        shot = np.asarray(Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")).astype(
            int
        )
        left, top = (int(value) for value in person.place(x, y))
        return shot[top, left]

    # The model is untrained, so its fill differs from the photograph.
    assert (
        abs(filled[60, 80] - photo[60, 80]).max() > 12
        and abs(filled[60, 180] - photo[60, 180]).max() > 12
    )
    assert (
        abs(shown(80.5, 60.5) - photo[60, 80]).max() <= 2
        and abs(shown(180.5, 60.5) - photo[60, 180]).max() > 8
    )
    person.drag((120, 60), (200, 60))
    assert abs(shown(180.5, 60.5) - photo[60, 180]).max() <= 2
    person.page.fill("#divider", "10")
    assert abs(shown(80.5, 60.5) - photo[60, 80]).max() > 8
    np.testing.assert_array_equal(person.save(), filled)  # nothing was drawn


def test_a_hole_that_changes_while_comparing_is_shown(person):
    person.page.select_option("#model", "red")
    person.open(noise(160, 240))
    person.drag((60, 60), (90, 60))
    person.fill()
    mask = np.zeros((160, 240), np.uint8)
    mask[20:40, 30:50] = 255
    compare = person.page.locator("#compare")
    for change, words in (
        (lambda: person.load_mask(mask), "Red is the hole"),
        (lambda: person.page.keyboard.press("Control+z"), "nothing is painted red"),
        (lambda: person.page.keyboard.press("Control+Shift+z"), "Red is the hole"),
    ):
        compare.click()
        expect(compare).to_have_attribute("aria-pressed", "true")
        change()
        person.hears(words)
        expect(compare).to_have_attribute("aria-pressed", "false")
        expect(person.page.locator("#hole")).to_be_visible()


# -------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_photograph_is_dropped_or_pasted(person, event):
    photo = noise(50, 70)
    person.hand_over(event, png(photo), "dropped.png")
    person.hears("^dropped.png, 70×50 pixels")
    np.testing.assert_array_equal(person.save(), photo)


def test_a_photograph_is_turned_upright(person):
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, 30:] = 255
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo).save(file, "jpeg", quality=100, subsampling=0, exif=exif)
    person.open(file.getvalue(), "turned.jpg", "image/jpeg")
    saved = person.save()
    assert saved.shape == (60, 40, 3) and saved[10].max() < 8 and saved[50].min() > 247


def test_a_jpeg_is_sent_as_it_is_shown(person, painter):
    """Two JPEG decoders may differ, so the pixels that the browser decoded are filled."""
    file = io.BytesIO()
    Image.fromarray(noise(160, 240)).save(file, "jpeg", quality=60)
    person.open(file.getvalue(), "photo.jpg", "image/jpeg")
    before = person.save()
    person.drag((100, 80), (120, 90))
    mask = person.save_mask()
    person.fill()
    np.testing.assert_array_equal(person.save(), whole_fill(painter, before, mask))


def test_files_that_browsers_do_not_read(person):
    photo = noise(19, 23)
    deep = zoo.tiff(photo.astype(np.uint16) * 257, 2, 16, apart=True, tags=[(274, 3, [6])])
    person.open(deep, "deep.tif", "image/tiff")
    person.hears("deep.tif, 19×23 pixels.*16 bits per channel were converted to 8")
    np.testing.assert_array_equal(person.save(), np.rot90(photo, -1))
    mask = np.zeros((23, 19, 1))
    mask[3:9, 4:11] = 1
    floating = zoo.tiff(mask.astype(np.float32), 0, 32, tags=[(339, 3, [3])])  # white is zero
    person.load_mask(floating, "mask.tif")
    person.hears("Red is the hole")
    np.testing.assert_array_equal(person.save_mask(), 255 - 255 * mask[..., 0].astype(np.uint8))


def test_the_type_that_a_browser_gives_a_file_does_not_matter(person):
    """It gives none to a name without an ending. That of text is refused in other requests."""
    file = io.BytesIO()
    Image.fromarray(noise(20, 30)).save(file, "jpeg")
    person.hand_over("drop", file.getvalue(), "photo", "")
    person.hears("^photo, 30×20 pixels")
    person.try_to_open(b"no picture", "notes.txt", "text/plain")
    person.hears_error("^notes.txt is not a JPEG")
    mask = np.zeros((20, 30), np.uint8)
    mask[5:10, 5:10] = 255
    person.load_mask(mask, "mask", "")
    person.hears("Red is the hole: 4.2 %")
    person.hears_no_error()
    person.load_mask(b"no picture", "notes.txt", "text/plain")
    person.hears_error("^notes.txt is not a JPEG")


@pytest.mark.parametrize("ending", [".webp", ".tif", ".avif"])
def test_other_formats_to_save_with(person, tmp_path, ending):
    photo = noise(20, 30)
    person.open(photo)
    person.page.select_option("#ending", ending)
    with person.page.expect_download() as download:
        person.page.click("#save")
    assert download.value.suggested_filename == f"photo_filled{ending}"
    pixels = read_photo(str(download.value.path())).pixels.astype(int)
    assert np.abs(pixels - photo).max() <= (3 if ending == ".avif" else 0)
    said = ". AVIF changes known pixels" if ending == ".avif" else "$"
    person.hears(f"^Saved photo_filled{ending}{said}")


def test_a_mask_that_looks_like_a_picture_is_loaded_with_a_warning(person):
    person.open(noise(60, 50))
    person.load_mask(noise(60, 50, 4), "odd.png")
    person.hears_error("odd.png: most masks are black and white, this one looks like a picture")
    person.hears("Red is the hole")


@pytest.mark.parametrize(
    "name, kind", [("photo.png", "image/png"), ("photo.jpg", "image/jpeg")]
)  # the content says what a file is
def test_transparent_parts_become_white(person, name, kind):
    rgba = np.dstack([noise(20, 30), np.full((20, 30), 255, np.uint8)])
    rgba[:5, :, 3] = 0
    person.open(rgba, name, kind)
    person.hears("transparent parts became white")
    saved = person.save()
    assert (saved[:5] == 255).all()
    np.testing.assert_array_equal(saved[5:], rgba[5:, :, :3])


def test_a_mask_is_loaded(person):
    person.open(noise(20, 30))
    levels = np.tile(np.uint8([0, 127, 128, 255, 90, 200]), (20, 5))
    person.load_mask(levels)
    person.hears("Red is the hole: 50.0 % of 30×20 pixels")
    np.testing.assert_array_equal(person.save_mask(), np.where(levels > 127, 255, 0))
    strokes = np.zeros((20, 30, 4), np.uint8)
    strokes[5:10, 5:10] = 255, 0, 0, 255
    person.load_mask(strokes)
    person.hears("Red is the hole: 4.2 %")
    np.testing.assert_array_equal(person.save_mask(), strokes[..., 3])


def test_masks_that_do_not_fit(person):
    person.open(noise(20, 30))
    person.load_mask(np.full((20, 30), 255, np.uint8))
    person.hears("100.0 %")
    person.load_mask(np.full((30, 20), 255, np.uint8), "turned.png")
    person.hears_error("A mask has the size of its photograph, 30x20 pixels. turned.png has 20x30")
    person.load_mask(np.full((20, 30), 127, np.uint8), "dark.png")
    person.hears_error("dark.png has no hole: no pixel is white")
    person.load_mask(b"no picture", "text.png")
    person.hears_error("text.png is not a JPEG")
    assert (person.save_mask() == 255).all()  # unchanged
    person.page.click("#fill")
    person.hears_error("All of the photograph is painted red")


def test_an_unsaved_fill_is_not_lost_without_a_question(person, pair):
    asked = []
    person.page.on("dialog", lambda dialog: asked.append(dialog.message))
    photo, mask = pair
    person.open(photo)
    person.load_mask(mask)
    person.hears("Red is the hole")
    person.fill()
    person.open(photo, "again.png")
    assert len(asked) == 1 and "has not been saved" in asked[0]
    expect(person.page.locator("#undo")).to_be_disabled()
    person.open(photo, "more.png")  # nothing is unsaved
    assert len(asked) == 1


def test_a_painted_hole_is_not_lost_without_a_question(person):
    """A mask file has it, or it was filled and the photograph was saved: nothing is asked."""
    asked = []
    person.page.on("dialog", lambda dialog: asked.append(dialog.message or dialog.type))
    question = "The painted hole has not been saved. Open another photograph?"
    person.page.select_option("#model", "red")
    photo, mask = noise(160, 240), np.zeros((160, 240), np.uint8)
    mask[100:110, 100:110] = 255

    def painted():
        person.drag((60, 60), (90, 60))
        person.hears("Red is the hole")

    def loaded():
        person.load_mask(mask)
        person.hears("Red is the hole")

    def added():
        person.drag((60, 30), (90, 30))
        person.hears("Red is the hole")

    def undone():
        person.page.keyboard.press("Control+z")
        person.hears("is painted red|is the hole")

    for number, (steps, questions) in enumerate(
        (
            ([], []),
            ([painted], [question]),
            ([painted, undone], []),
            ([painted, person.save_mask], []),
            ([painted, person.save_mask, added, undone], []),
            ([painted, person.save], [question]),
            ([loaded], []),
            ([loaded, painted], [question]),
            ([loaded, painted, undone], []),
            ([painted, person.fill, person.save], []),
            ([painted, person.fill, person.save, painted, person.fill, person.save], []),
            ([painted, person.fill, person.save, painted], [question]),
            ([painted, person.fill, person.save, painted, person.save_mask], []),
        )
    ):
        person.open(photo, f"{number}.png")
        asked.clear()
        for step in steps:
            step()
        person.open(photo, f"{number}-again.png")
        assert asked == questions, number
    painted()
    with person.page.expect_event("close"):
        person.page.close(run_before_unload=True)
    assert asked[-1] == "beforeunload"


# ------------------------------------------------------------------------------------------ trouble


def test_without_a_hole_nothing_is_sent(person):
    person.open(noise(40, 40))
    person.page.click("#fill")
    person.hears_error("Nothing is painted red: brush over what is to be filled")
    assert not served(person)
    person.page.click("#error button")
    person.hears_no_error()


@pytest.mark.parametrize(
    "content",
    [
        b"no picture",
        pytest.param(b"", marks=pytest.mark.slow),
        png(noise(40, 40))[:500],
        pytest.param(b"\xff\xd8\xff\xe0 half a JPEG", marks=pytest.mark.slow),
    ],
    ids=["text", "nothing", "half a PNG", "half a JPEG"],
)
def test_a_broken_file(person, content):
    photo = noise(40, 50)
    person.try_to_open(content, "first.png")
    person.hears_error("first.png (is not a|cannot be read)")
    assert person.page.inner_text("#status") == ""  # it opens nothing any more
    person.open(photo)
    person.hears_no_error()
    person.drag((20, 20), (25, 20))
    mask = person.save_mask()
    person.try_to_open(content, "broken.png")
    person.hears_error("broken.png (is not a|cannot be read)")
    assert person.page.inner_text("#status").startswith("Saved photo_mask.png")  # as before
    np.testing.assert_array_equal(person.save_mask(), mask)
    np.testing.assert_array_equal(person.save(), photo)


def test_a_file_that_the_browser_cannot_read(person, tmp_path):
    """It is gone since it was chosen, or a folder was dropped."""
    photo = noise(20, 30)
    person.open(photo)
    for name in ("photo-file", "mask-file"):
        path = tmp_path / f"{name}.png"
        path.write_bytes(png(photo))
        person.page.evaluate("""() => document.addEventListener(
            "change", (event) => event.stopPropagation(), {capture: true, once: true})""")
        person.page.set_input_files(f"#{name}", path)
        path.unlink()
        person.page.dispatch_event(f"#{name}", "change")  # now the page takes the file
        person.hears_error(rf"^{name}.png cannot be read: was it moved, or is it a folder\?$")
        person.page.click("#error button")
    (tmp_path / "folder").mkdir()
    person.drop(tmp_path / "folder")
    person.hears_error(r"^folder cannot be read: was it moved, or is it a folder\?$")
    np.testing.assert_array_equal(person.save(), photo)


def test_a_photograph_that_is_too_large(person):
    file = io.BytesIO()
    Image.new("1", (9000, 8000)).save(file, "png")
    person.try_to_open(file.getvalue(), "large.png")
    person.hears_error("at most 64 megapixels here. large.png has 9000x8000, 72 megapixels")


@pytest.fixture
def forwarding():
    """forwarding({name: URL}) -> URL of a studio that forwards requests to these servers."""
    listeners = []

    def start(servers, timeout=30):
        routes = [
            *page_routes([{"name": name, "about": url} for name, url in servers.items()]),
            forwarding_route(servers, timeout),
        ]
        listeners.append(Listener(Starlette(routes=routes), "127.0.0.1", 0))
        return listeners[-1].url

    yield start
    for listener in listeners:
        listener.stop()


@pytest.mark.parametrize(
    "answer, words",
    [
        (
            (400, "application/json", b'{"error": "such a pity\\n\\t [[{{node in/the/graph}}]]"}'),
            r"^such a pity \(400\)$",
        ),
        ((503, "application/json", b'{"error": "busy"}'), r"^busy \(503\)$"),
        (
            (500, "application/json", b'{"error": "<img src=x onerror=alert(1)>"}'),
            r"^<img src=x onerror=alert\(1\)> \(500\)$",
        ),
        ((502, "text/html", b"<html>Hello</html>"), "answered 502 Bad Gateway, and no JSON"),
        ((200, "application/json", b"{}"), "answered without a picture"),
        ((200, "application/json", b'{"outputs": [{"b64": "%"}]}'), "picture that is not base64"),
        (
            (200, "application/json", b'{"outputs": [{"b64": "aGk="}]}'),
            "something that is no picture",
        ),
        (
            (200, "application/json", json.dumps({"outputs": [b64(png(noise(2, 3)))]}).encode()),
            "another size: 3x2 instead of 40x40",
        ),
    ],
    ids=[
        "message",
        "busy",
        "HTML in a message",
        "HTML",
        "no outputs",
        "no base64",
        "no picture",
        "another size",
    ],
)
def test_a_servers_error_is_told_and_nothing_is_lost(visit, forwarding, answer, words):
    photo = noise(40, 40)
    with http_server(answer) as (port, _):
        person = visit(forwarding({"paris": f"http://127.0.0.1:{port}/v1/models/paris"}))
        person.open(photo)
        person.drag((20, 20), (25, 20))
        mask = person.save_mask()
        person.page.click("#fill")
        person.hears_error(words)
        np.testing.assert_array_equal(person.save_mask(), mask)
        np.testing.assert_array_equal(person.save(), photo)
        expect(person.page.locator("#fill")).to_have_text("Fill")


def test_a_server_that_is_not_there_or_does_not_answer(visit, forwarding, closed_port):
    with silent_port() as port:
        gone = f"http://127.0.0.1:{closed_port}/v1/models/gone"
        slow = f"http://127.0.0.1:{port}/v1/models/slow"
        person = visit(forwarding({"gone": gone, "slow": slow}, timeout=0.5))
        person.hears_error(re.escape(f"{gone} cannot be reached: Connection refused (502)"))
        expect(person.page.locator("#model-state")).to_have_class("missing")
        person.open(noise(40, 40))
        person.drag((20, 20), (25, 20))
        person.page.select_option("#model", "slow")
        person.hears_error(re.escape(f"{slow} did not answer within 0.5 s (--timeout) (504)"))
        person.page.click("#fill")
        person.hears("Nothing was filled")
        person.hears_error(r"did not answer within 0\.5 s")


@pytest.mark.slow
def test_a_studio_that_has_ended(visit, exported, server, painter, pair):
    one = Server({}, port=0, grpc_port=None, routes=page_routes([{"name": "small", "about": ""}]))
    one.models.update(server.models)
    person = visit(one.url)
    photo, mask = pair
    person.open(photo)
    person.load_mask(mask)
    person.hears("Red is the hole")
    one.stop()
    person.page.click("#fill")
    person.hears_error("The studio cannot be reached")
    said = person.page.inner_text("#status")
    assert said == "Nothing was filled: the hole is as it was"
    person.page.click("#error button")
    person.page.select_option("#ending", ".webp")  # the studio writes it
    person.page.click("#save")
    person.hears_error("The studio cannot be reached")
    assert person.page.inner_text("#status") == said
    person.page.select_option("#ending", ".png")
    with Server({}, port=int(one.url.rpartition(":")[2]), grpc_port=None) as again:
        again.models.update(server.models)
        person.fill()
        person.hears_no_error()
        np.testing.assert_array_equal(person.save(), painter.fill(photo, mask))


def test_a_fill_is_stopped(visit, forwarding):
    photo = noise(40, 40)
    with silent_port() as port:
        person = visit(forwarding({"slow": f"http://127.0.0.1:{port}/v1/models/slow"}, timeout=1))
        person.hears_error("did not answer")
        person.open(photo)
        person.drag((20, 20), (25, 20))
        mask = person.save_mask()
        person.page.keyboard.press("f")
        person.hears("^Filling with slow…$")
        person.drag((5, 5), (9, 9))  # refused during a fill
        person.hears_error("Filling goes on: Esc stops it")
        person.page.evaluate("""() => {
            window.said = 0;
            const seen = new MutationObserver(() => (window.said += 1));
            seen.observe(document.getElementById("status"), {childList: true, subtree: true});
        }""")
        first = person.page.inner_text("#time")
        time.sleep(0.5)  # the seconds go on; the error stays, and nothing is read aloud again
        assert re.fullmatch(r"\d\.\d s", first) and person.page.inner_text("#time") > first
        assert person.page.evaluate("() => window.said") == 0
        person.hears_error("Filling goes on: Esc stops it")
        person.page.keyboard.press("Escape")
        person.hears("Nothing was filled: the hole is as it was")
        assert person.page.text_content("#time") == ""
        np.testing.assert_array_equal(person.save_mask(), mask)
        np.testing.assert_array_equal(person.save(), photo)


@pytest.fixture
def stalled(person):
    """stalled(pattern): from now on, requests for such a path are kept. -> those that were."""

    def keep(pattern):
        kept = []
        person.page.route(re.compile(pattern), lambda route: kept.append(route))
        return kept

    yield keep
    person.page.unroute_all(behavior="ignoreErrors")


def test_a_double_click_on_fill_is_one_click(person, stalled):
    person.open(noise(160, 240))
    person.drag((60, 60), (90, 60))
    kept = stalled(":predict$")
    person.page.dblclick("#fill")
    with person.page.expect_response("**:predict"):
        person.hears("^Filling with small…$")
        person.page.wait_for_timeout(300)
        kept[0].continue_()
    person.hears("^Filled with small")
    person.drag((60, 60), (90, 60))
    person.page.click("#fill")
    expect(person.page.locator("#fill")).to_have_text("Stop")
    person.page.click("#fill")  # this one is meant
    person.hears("Nothing was filled: the hole is as it was")
    person.hears_no_error()


def test_escape_stops_a_fill_from_a_list_too(person, stalled):
    person.open(noise(160, 240))
    person.drag((60, 60), (90, 60))
    stalled(":predict$")
    person.page.click("#fill")
    person.hears("^Filling with small…$")
    person.page.focus("#ending")
    person.page.keyboard.press("Escape")
    person.hears("Nothing was filled: the hole is as it was")


def test_opening_reading_and_saving_are_stopped(person, stalled):
    photo = noise(160, 240)
    stalled("/opened/")
    person.try_to_open(photo, "slow.png")
    person.hears("^Opening slow.png…$")
    person.page.keyboard.press("Escape")
    person.hears("^Nothing was opened$")
    person.hears_no_error()
    person.page.unroute_all()
    person.open(photo)
    person.drag((60, 60), (90, 60))
    mask = person.save_mask()
    stalled("/(opened|saved)/")
    person.load_mask(np.full((160, 240), 255, np.uint8), "slow.png")
    person.hears("^Reading slow.png…$")
    expect(person.page.locator("#fill")).to_have_text("Fill")
    person.page.click("#fill")
    person.hears_error("Reading the mask goes on: Esc stops it")
    person.page.keyboard.press("Escape")
    person.hears("^No mask was read: the hole is as it was$")
    person.hears_no_error()
    person.page.select_option("#ending", ".webp")
    person.page.click("#save")
    person.hears("^Writing the file…$")
    person.page.keyboard.press("Escape")
    person.hears("^Nothing was saved$")
    person.page.select_option("#ending", ".png")
    np.testing.assert_array_equal(person.save_mask(), mask)
    np.testing.assert_array_equal(person.save(), photo)


def test_a_model_that_comes_later_is_ready_after_a_fill(visit, studio):
    grey = studio.models.pop("grey")
    try:
        person = visit(studio.url)
        person.page.select_option("#model", "grey")
        expect(person.page.locator("#model-state")).to_have_class("missing")
    finally:
        studio.models["grey"] = grey
    person.open(noise(40, 40))
    person.drag((20, 20), (25, 20))
    person.fill()
    expect(person.page.locator("#model-state")).to_have_class("ready")
    expect(person.page.locator("#another")).to_be_enabled()
    person.hears("^Filled with grey")


# --------------------------------------------------------------------------------------- forwarding


def test_another_server_fills(visit, forwarding, server, painter, pair):
    photo, mask = pair
    url = f"{server.url}/v1/models/small"
    person = visit(
        forwarding({"here": url, "one": f"{url}/versions/1", "nix": f"{server.url}/v1/models/nix"})
    )
    expect(person.page.locator("#model-state")).to_have_class("ready")
    for name in ("here", "one"):
        person.page.select_option("#model", name)
        person.open(photo)
        person.load_mask(mask)
        person.hears("Red is the hole")
        person.fill()
        np.testing.assert_array_equal(person.save(), painter.fill(photo, mask))
    person.page.select_option("#model", "nix")
    person.hears_error(r"Servable not found for request: Latest\(nix\).* \(404\)")


# --------------------------------------------------------------------------- how it presents itself


@pytest.mark.parametrize(
    "width, height, scheme",
    [
        (1280, 800, "light"),
        (320, 568, "dark"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                (1280, 800, "dark"),
                (320, 568, "light"),
                (390, 844, "light"),
                (390, 844, "dark"),
            )
        ),
    ],
)
def test_every_size_and_colour(visit, studio, width, height, scheme):
    person = visit(studio.url, width, height, color_scheme=scheme)
    person.open(noise(160, 240))
    person.drag((60, 60), (90, 60))
    # It is shown for models with several fills of one hole: there is room for it too.
    person.page.evaluate("() => (document.getElementById('another').hidden = false)")
    page_size = person.page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert page_size[0] <= width and page_size[1] <= height
    for button in person.page.query_selector_all("header button, footer button, footer input"):
        box = button.bounding_box()
        assert (
            box["x"] >= 0
            and box["x"] + box["width"] <= width
            and box["y"] >= 0
            and box["y"] + box["height"] <= height
        )
    photo = person.page.locator("#photo").bounding_box()
    assert photo["width"] > width / 3 and photo["y"] >= 0 and photo["y"] + photo["height"] <= height
    ground = person.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", ground))) < 80) == (scheme == "dark")


def test_controls_have_names_and_show_their_focus(person):
    for role in ("button", "slider", "combobox"):
        for control in person.page.get_by_role(role, include_hidden=True).all():
            name = (
                "node => node.ariaLabel || node.textContent.trim() || "
                "node.labels?.[0]?.textContent.trim()"
            )
            assert control.evaluate(name), control.evaluate("node => node.outerHTML")
    expect(person.page.get_by_role("slider", name="Brush size")).to_have_count(1)
    expect(person.page.get_by_role("combobox", name="Model")).to_have_count(1)
    person.open(noise(40, 40))
    person.page.keyboard.press("Tab")
    seen = set()
    for _ in range(30):
        outline, name = (
            person.page.evaluate("""() => [getComputedStyle(document.activeElement).outlineStyle,
            document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()]""")
        )
        seen.add(name)
        assert outline != "none" or name.startswith("tfinpaint"), name
        person.page.keyboard.press("Tab")
    assert {
        "Open",
        "Fill",
        "Save",
        "Save mask",
        "Brush",
        "Eraser",
        "Rectangle",
        "Load mask",
        "Invert",
        "Clear",
        "Fit",
    } <= seen


def test_the_page_takes_scripts_and_pictures_from_itself_alone(visit, studio):
    import requests

    for name in ("", "studio.js", "studio.css", "index.html", "icon.svg", "models.json"):
        answer = requests.get(f"{studio.url}/{name}")
        policy = answer.headers["Content-Security-Policy"]
        assert (
            answer.status_code == 200
            and policy.startswith("default-src 'self'; img-src 'self' blob: data:;")
            and "unsafe" not in policy
        )
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)\w+\.", answer.text)
    assert requests.get(f"{studio.url}/page/../routes.py").status_code in (400, 404)


# ------------------------------------------------------------------------------------ 12 megapixels


@pytest.mark.slow
def test_twelve_megapixels(person, painter, tmp_path):
    photo = noise(375, 500).repeat(8, 0).repeat(8, 1)
    photo[900:1400, 800:2200] = noise(500, 1400)
    Image.fromarray(photo).save(tmp_path / "large.png", compress_level=1)
    start = time.perf_counter()
    person.page.set_input_files("#photo-file", tmp_path / "large.png")
    person.hears("^large.png, 4000×3000 pixels", 60)
    opened = time.perf_counter() - start
    size = person.set_brush(200)
    # The layer of the photograph is not drawn during a stroke, and a move takes little of the
    # 16 ms between two frames.
    person.page.evaluate("""() => {
        window.drawn = 0;
        for (const name of ["drawImage", "putImageData", "getImageData", "clearRect", "fillRect"]) {
            const before = CanvasRenderingContext2D.prototype[name];
            CanvasRenderingContext2D.prototype[name] = function (...args) {
                if (this.canvas.id !== "hole" || name === "putImageData" ||\
 name === "getImageData") window.drawn += 1;
                return before.apply(this, args);
            };
        }
        window.moves = [];
        const viewport = document.getElementById("viewport");
        document.addEventListener("pointermove", () => (window.began = performance.now()), true);
        document.addEventListener("pointermove",\
 () => window.moves.push(performance.now() - window.began));
    }""")
    person.drag((1000, 1000), (1600, 1300), (2000, 1000), steps=40)
    drawn, moves = person.page.evaluate("() => [window.drawn, window.moves]")
    assert drawn == 0 and len(moves) >= 60 and np.median(moves) < 8
    mask = person.save_mask()
    assert mask.shape == (3000, 4000) and (mask > 0).sum() > 1000 * size
    start = time.perf_counter()
    person.fill()
    took = time.perf_counter() - start
    print(
        f"12 megapixels: {np.median(moves):.2f} ms for a move of a brush of {size} pixels, "
        f"{opened:.2f} s to open, {took:.2f} s to fill"
    )
    filled = person.save()
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    np.testing.assert_array_equal(filled, whole_fill(painter, photo, mask))
