"""A person at the studio's page, for tests: opens files, brushes and saves in headless Chromium.

Positions and sizes are in pixels of the photograph.
"""

import base64
import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import Error, expect

IS_SAYING = "text => document.getElementById('status').textContent.match(text)"


class Person:
    """page: a Playwright page that shows the studio."""

    def __init__(self, page):
        self.page = page
        self.ready()

    def ready(self):
        self.page.wait_for_selector("#model-state.ready, #error:not([hidden])")

    # ---------------------------------------------------------------------------------------- files

    def open(self, content, name="photo.png", kind="image/png"):
        """content: the bytes of a file, or pixels."""
        self.page.set_input_files("#photo-file", self._file(content, name, kind))
        self.hears(f"{re.escape(name)}, ")

    def try_to_open(self, content, name="photo.png", kind="image/png"):
        self.page.set_input_files("#photo-file", self._file(content, name, kind))

    def load_mask(self, content, name="mask.png", kind="image/png"):
        self.page.set_input_files("#mask-file", self._file(content, name, kind))

    def save(self, what="#save"):
        """-> the pixels of the downloaded file."""
        with self.page.expect_download() as download:
            self.page.click(what)
        self.saved = download.value.suggested_filename
        with open(download.value.path(), "rb") as f:
            image = Image.open(io.BytesIO(f.read()))
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))

    def save_mask(self):
        """-> the mask, uint8 [H, W], which has two levels."""
        mask = self.save("#save-mask")
        assert (np.ptp(mask, axis=-1) == 0).all() and set(np.unique(mask)) <= {0, 255}
        return mask[..., 0]

    @staticmethod
    def _file(content, name, kind):
        return {
            "name": name,
            "mimeType": kind,
            "buffer": content if isinstance(content, bytes) else png(content),
        }

    def hand_over(self, event, content, name="photo.png", kind="image/png"):
        """Drops or pastes a file. event: "drop" or "paste"."""
        self.page.evaluate(
            """([event, content, name, kind]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))],\
 name, {type: kind}));
            document.getElementById("viewport").dispatchEvent(event === "paste"
                ? new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true})
                : new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
            [event, base64.b64encode(content).decode(), name, kind],
        )

    def drop(self, path):
        """Drags a file or a folder of this machine onto the photograph."""
        left, top, width, height = self.page.locator("#viewport").bounding_box().values()
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        session = self.page.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", "drop"):
            place = {"x": left + width / 2, "y": top + height / 2}
            session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})

    # -------------------------------------------------------------------------------------- drawing

    def place(self, x, y):
        """The position in the window of a point (x, y) of the photograph."""
        left, top, scale = self.page.evaluate("""() => {
            const frame = document.getElementById("photo").getBoundingClientRect();
            return [frame.left, frame.top, frame.width / document.getElementById("photo").width];
        }""")
        return left + x * scale, top + y * scale

    def drag(self, *points, steps=1):
        self.page.mouse.move(*self.place(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.place(*point), steps=steps)
        self.page.mouse.up()

    def touch(self, kind, *points):
        """kind: touchStart, touchMove or touchEnd. points: those of all fingers that are down."""
        self.session = getattr(self, "session", None) or self.page.context.new_cdp_session(
            self.page
        )
        places = [dict(zip("xy", self.place(*point)), id=i) for i, point in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def brush_size(self):
        return int(self.page.inner_text("#size-text").split()[0])

    def set_brush(self, pixels):
        """Sets the size by the keys, as near as they allow. -> the size."""
        self.page.keyboard.press("b")
        while self.brush_size() < pixels:
            self.page.keyboard.press("]")
        while self.brush_size() > pixels:
            self.page.keyboard.press("[")
        return self.brush_size()

    # --------------------------------------------------------------------------------- what is said

    def fill(self, timeout=60):
        self.page.click("#fill")
        self.hears(r"^Filled with \w+ in [\d.]+ s", timeout)

    def hears(self, pattern, timeout=20):
        try:
            self.page.wait_for_function(IS_SAYING, arg=pattern, timeout=1000 * timeout)
        except Error:
            said = [self.page.inner_text(line) for line in ("#status", "#error")]
            raise AssertionError(f"It says {said}, not {pattern!r}") from None

    def hears_error(self, pattern):
        # a browser on a busy machine takes a while
        expect(self.page.locator("#error-text")).to_have_text(re.compile(pattern), timeout=20_000)
        expect(self.page.locator("#error")).to_be_visible(timeout=20_000)

    def hears_no_error(self):
        expect(self.page.locator("#error")).to_be_hidden()


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def brushed(shape, points, size):
    """The mask of a brush of diameter `size` along points (x, y).

    A pixel is white if its centre is no further from the line than the radius.
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    mask = np.zeros(shape, np.uint8)
    for (ax, ay), (bx, by) in zip(points, points[1:] or points):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        along = (
            np.clip(((columns - ax) * (bx - ax) + (rows - ay) * (by - ay)) / length, 0, 1)
            if length
            else 0
        )
        mask[
            np.hypot(columns - ax - along * (bx - ax), rows - ay - along * (by - ay)) <= size / 2
        ] = 255
    return mask
