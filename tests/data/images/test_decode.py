"""Image files become arrays of bytes by the rules that are written down, and what is none is told and not decoded."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlrun.data.images import decode as module
from dlrun.data.images.decode import MOST_PIXELS, Unreadable, decode, header
from tests.data.images.conftest import BOMB, HUGE, picture


def saved(image: Image.Image, kind: str, **arguments: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **arguments)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_what_loses_nothing_comes_back(kind: str):
    pixels = np.repeat(picture()[:, :, :1], 3, axis=2)
    content = saved(Image.fromarray(pixels[:, :, 0] if kind == "GIF" else pixels), kind)
    np.testing.assert_array_equal(decode(content, 3), pixels)
    assert (header(content).format, header(content).height, header(content).width) == (kind, 8, 8)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_what_loses_something_comes_nearly_back(kind: str):
    pixels = picture(size=(40, 64))
    found = decode(saved(Image.fromarray(pixels), kind, quality=95), 3)
    assert found.shape == (40, 64, 3)
    assert np.abs(found.astype(int) - pixels).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_the_camera_was_held(orientation: int):
    pixels = picture(size=(6, 10))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.fromarray(pixels), "PNG", exif=exif)
    turned = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: pixels.transpose(1, 0, 2)[:, ::-1],
        7: pixels.transpose(1, 0, 2)[::-1, ::-1],
        8: pixels.transpose(1, 0, 2)[::-1],
    }[orientation]
    np.testing.assert_array_equal(decode(content, 3), turned)
    assert (header(content).height, header(content).width) == turned.shape[:2]


def test_sixteen_bits_become_eight():
    deep = np.array([[0, 128, 129, 257, 65535, 32896]], np.uint16)
    content = saved(Image.fromarray(deep), "PNG")
    np.testing.assert_array_equal(decode(content, 1)[0, :, 0], [0, 0, 1, 1, 255, 128])
    assert header(content).is_grey


def test_transparent_pixels_are_seen_on_white_unless_asked_for():
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = (0, 128, 255)
    content = saved(Image.fromarray(pixels), "PNG")
    np.testing.assert_array_equal(decode(content, 3)[0, :, 0], [255, 127, 0])
    np.testing.assert_array_equal(decode(content, 1)[0, :, 0], [255, 127, 0])
    np.testing.assert_array_equal(decode(content, 4), pixels)
    assert header(content).has_alpha


def test_palettes_and_cmyk_become_what_they_show():
    colours = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8))
    indexed = saved(colours.convert("P", palette=Image.Palette.ADAPTIVE), "PNG")
    np.testing.assert_array_equal(decode(indexed, 3)[0], [[255, 0, 0], [0, 0, 255]])
    assert not header(indexed).is_grey
    printed = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert np.abs(decode(printed, 3).astype(int) - [255, 0, 0]).max() < 12


def test_the_first_picture_of_a_gif_counts():
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 200)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(content, 1), np.full((4, 4, 1), 10))


def test_the_suffix_is_no_matter(tmp_path: Path):
    path = tmp_path / "photo.txt"
    path.write_bytes(saved(Image.fromarray(picture()), "PNG"))
    np.testing.assert_array_equal(decode(path, 3), picture())


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", "empty", "an empty file"),
        (b"hello", "other", "no image"),
        (b"%PDF-1.7", "other", "a PDF"),
        (b"II*\0aaaa", "other", "a TIFF"),
        (b"\0\0\0\x18ftypheic", "other", "a HEIC or AVIF"),
        (b"  <svg xmlns='x'>", "other", "an SVG"),
        (HUGE, "large", "20000 x 20000 pixels"),
        (BOMB, "damaged", "a text in it that unpacks to more than a megabyte, as a bomb does"),
        (HUGE[:20], "damaged", "..."),
    ],
)
def test_what_is_no_image_is_told_by_its_header(content: bytes, kind: str, reason: str):
    for look in (header, lambda each: decode(each, 3)):
        with pytest.raises(Unreadable) as caught:
            look(content)
        assert caught.value.kind == kind
        assert reason in ("...", str(caught.value))


def test_a_bound_that_is_kept_exactly(monkeypatch: pytest.MonkeyPatch):
    assert MOST_PIXELS == 2**26
    content = saved(Image.fromarray(picture()), "PNG")
    monkeypatch.setattr(module, "MOST_PIXELS", 64)
    assert decode(content, 3).shape == (8, 8, 3)
    monkeypatch.setattr(module, "MOST_PIXELS", 63)
    with pytest.raises(Unreadable, match="8 x 8 pixels"):
        decode(content, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_a_file_that_is_cut_anywhere_is_damaged_or_whole(kind: str):
    whole = saved(Image.fromarray(picture(size=(20, 20))), kind)
    for length in range(1, len(whole), max(1, len(whole) // 40)):
        try:
            decode(whole[:length], 3)
        except Unreadable as error:
            assert error.kind in ("damaged", "other", "large")


def test_it_stands_alone():
    code = (
        "import importlib.util, sys; "
        f"spec = importlib.util.spec_from_file_location('decode', {module.__file__!r}); "
        "m = importlib.util.module_from_spec(spec); sys.modules['decode'] = m; spec.loader.exec_module(m); "
        "print(sorted(n for n in ('dlrun', 'keras', 'tensorflow', 'pandas') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "[]\n"
