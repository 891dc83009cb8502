"""The format of a file, from its first bytes. The ending of its name does not count."""

from typing import Optional

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIRS", "camera raw"),
    (b"MMOR", "camera raw"),
    (b"FOVb", "camera raw"),
    (b"\0MRM", "camera raw"),
)
_NETPBM = "a Netpbm picture (PBM, PGM, PPM): save it as PNG first"
# files that are often mistaken for photographs, as the error message calls them
_OTHERS = (
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"%PDF", "a PDF document"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"<svg", "a drawing (SVG)"),
    (b"<?xml", "an XML file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file first"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"DDS ", "a DirectDraw surface"),
    *((b"P%d%c" % (kind, end), _NETPBM) for kind in range(1, 8) for end in b" \n\r\t"),
    (b"Pf\n", _NETPBM),
    (b"PF\n", _NETPBM),
    (b"qoif", "a picture in the format QOI"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"\x8aMNG", "a film (MNG)"),
    (b"II\xbc", "a JPEG XR picture"),
    (b"%!PS", "a PostScript document"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\xd0\xcf\x11\xe0", "a document of an older Office, or Windows' Thumbs.db"),
    (b"\x1f\x8b", "packed with gzip: unpack it first"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
)
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"crx ": "camera raw",
    **{brand: "HEIC" for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevx")},
}


def kind(head: bytes) -> Optional[str]:
    """The format of a file, from its first bytes (64 or more).

    Returns: "JPEG", "PNG", "BMP", "WebP", "TIFF", "GIF", "AVIF", "HEIC", "JPEG 2000", "JPEG XL" or
        "camera raw"; None for anything else.
    """
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        brands = [head[8:12]] + [head[at : at + 4] for at in range(16, min(len(head), 64), 4)]
        found = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        return found[0] if found else "HEIC" if b"mif1" in brands or b"msf1" in brands else None
    return None


def other(head: bytes) -> Optional[str]:
    """What a file that is not a photograph is, in words for a message; None if unknown.

    head: its first bytes (64 or more).
    """
    if head[4:8] == b"ftyp":
        return "a video"
    if head[:4] == b"RIFF":
        return "a video or a sound"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, name in _OTHERS:
        if head.startswith(start) or text.lower().startswith(start.lower()):
            return name
    return None
