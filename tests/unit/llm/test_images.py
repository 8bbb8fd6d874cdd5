"""Pictures are made smaller, upright and in their own format."""

from __future__ import annotations

import io
import sys
import zlib
from typing import Any

import pytest
from PIL import Image as pillow
from PIL import ImageDraw

from link.errors import ConfigError
from llm.images import FORMATS, scaled
from llm.items import Image
from llm.media import MediaError

RED, BLUE = (220, 20, 20), (20, 20, 220)


def halves(width: int, height: int, mode: str = "RGB") -> pillow.Image:
    """The left half red, the right half blue."""
    picture = pillow.new("RGB", (width, height), RED)
    ImageDraw.Draw(picture).rectangle((width // 2, 0, width, height), BLUE)
    return picture.convert(mode)


def encoded(picture: pillow.Image, name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, name, **options)
    return out.getvalue()


def opened(image: Image) -> pillow.Image:
    picture = pillow.open(io.BytesIO(image.data))
    picture.load()
    return picture


def is_near(picture: pillow.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    seen = picture.convert("RGB").getpixel(at)
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 40 for one, other in zip(seen, colour, strict=True))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("bounds", "size"),
    [((400, 400), (400, 200)), ((0, 50), (100, 50)), ((100, 0), (100, 50)), ((799, 399), (798, 399)), ((1, 1), (1, 1))],
)
def test_it_fits_and_keeps_its_proportions_and_format(
    name: str, bounds: tuple[int, int], size: tuple[int, int]
) -> None:
    data = encoded(halves(800, 400), name)
    made = scaled(Image(data, mime=FORMATS[name], detail="low", width_px=bounds[0], height_px=bounds[1]))
    picture = opened(made)
    assert picture.size == size
    assert picture.format == name
    assert made == Image(made.data, mime=FORMATS[name], detail="low", width_px=bounds[0], height_px=bounds[1])
    if size[0] > 50:
        assert is_near(picture, (10, 10), RED)
        assert is_near(picture, (size[0] - 10, size[1] - 10), BLUE)


@pytest.mark.parametrize(
    "image",
    [
        Image(url="https://example.org/a.jpg", width_px=10, height_px=10),
        Image(b"no picture at all"),
        Image(encoded(halves(80, 40), "PNG"), mime="image/png", width_px=80, height_px=40),
        Image(encoded(halves(80, 40), "JPEG"), width_px=1000),
    ],
)
def test_what_need_not_change_is_the_same_object(image: Image) -> None:
    assert scaled(image) is image


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_scaled(mode: str) -> None:
    grey = pillow.new("I;16", (80, 40), 128 * 256) if mode == "I;16" else halves(80, 40, mode)
    picture = opened(scaled(Image(encoded(grey, "PNG"), mime="image/png", width_px=40)))
    assert picture.size == (40, 20)
    if mode == "I;16":
        assert picture.getpixel((5, 5)) == 128


def test_a_photo_in_four_colours_is_scaled() -> None:
    picture = opened(scaled(Image(encoded(halves(80, 40, "CMYK"), "JPEG"), width_px=40)))
    assert (picture.size, picture.mode) == ((40, 20), "RGB")
    assert is_near(picture, (5, 5), RED)


def test_what_is_transparent_stays_so() -> None:
    clear = pillow.new("RGBA", (80, 40), (255, 0, 0, 0))
    for name in ("PNG", "WEBP", "GIF"):
        picture = opened(scaled(Image(encoded(clear, name), mime=FORMATS[name], width_px=40))).convert("RGBA")
        assert picture.getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_colour_that_is_transparent_stays_so() -> None:
    data = encoded(halves(80, 40), "PNG", transparency=RED)
    picture = opened(scaled(Image(data, mime="image/png", width_px=40)))
    assert picture.mode == "RGBA"
    assert [picture.getpixel((x, 10))[3] for x in (5, 35)] == [0, 255]  # type: ignore[index]


def test_a_thin_picture_keeps_a_pixel() -> None:
    data = encoded(halves(4, 800), "PNG")
    assert opened(scaled(Image(data, mime="image/png", height_px=50))).size == (1, 50)


def test_a_phones_picture_with_more_behind_it_is_a_jpeg() -> None:
    data = encoded(halves(80, 40), "MPO", save_all=True, append_images=[halves(80, 40)])
    made = scaled(Image(data, width_px=40))
    assert (opened(made).format, opened(made).size, made.mime) == ("JPEG", (40, 20), "image/jpeg")


@pytest.mark.parametrize("size", [(80, 40), (4000, 2000)])
def test_a_photo_that_lies_on_its_side_is_set_upright(size: tuple[int, int]) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6  # turn it clockwise to see it
    exif[0x010F] = "a secret camera"
    data = encoded(halves(*size), "JPEG", exif=exif, comment=b"a secret place")
    made = scaled(Image(data, width_px=20, height_px=60))
    picture = opened(made)
    assert picture.size == (20, 40)
    assert is_near(picture, (10, 5), RED)
    assert is_near(picture, (10, 35), BLUE)
    assert data.count(b"secret") == 2
    assert b"secret" not in made.data
    assert not picture.getexif()


def test_a_wrong_mime_is_set_right() -> None:
    assert scaled(Image(encoded(halves(80, 40), "PNG"), mime="image/jpeg", width_px=40)).mime == "image/png"


def test_a_picture_that_moves_stands_still() -> None:
    data = encoded(halves(80, 40), "GIF", save_all=True, append_images=[pillow.new("RGB", (80, 40), BLUE)])
    picture = opened(scaled(Image(data, mime="image/gif", width_px=40)))
    assert getattr(picture, "n_frames", 1) == 1
    assert is_near(picture, (5, 5), RED)


PNG, JPEG = encoded(halves(80, 40), "PNG"), encoded(halves(80, 40), "JPEG")


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", PNG[:40], PNG[:-60], JPEG[:300], JPEG[:20], encoded(halves(80, 40), "BMP"), b"%!PS-Adobe-3.0"],
)
def test_broken_bytes_are_named(data: bytes) -> None:
    with pytest.raises(
        MediaError, match=rf"the picture \(image/png, {len(data)} bytes\) cannot be read: \w+"
    ) as caught:
        scaled(Image(data, mime="image/png", width_px=40))
    assert "BytesIO" not in str(caught.value)


def test_each_broken_byte_has_one_outcome() -> None:
    for at in range(len(PNG)):
        broken = PNG[:at] + bytes([PNG[at] ^ 0xFF]) + PNG[at + 1 :]
        try:
            scaled(Image(broken, mime="image/png", width_px=40))
        except MediaError:
            pass


@pytest.mark.parametrize("size", [(10_000, 5_001), (20_000, 20_000)])
def test_a_picture_that_unpacks_to_gigabytes_is_refused(size: tuple[int, int]) -> None:
    """Only its first bytes are read, where its size stands."""
    head = encoded(pillow.new("1", (8, 8)), "PNG")
    data = head[:16] + size[0].to_bytes(4) + size[1].to_bytes(4) + head[24:]
    data = data[:29] + zlib.crc32(data[12:29]).to_bytes(4) + data[33:]
    with pytest.raises(MediaError, match="pixels"):
        scaled(Image(data, mime="image/png", width_px=40))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigError, match=r"Pillow, which is missing: \.venv/bin/pip install -e '\.\[images\]'"):
        scaled(Image(PNG, width_px=40))
    assert scaled(Image(url="u", width_px=40)).url == "u"
