"""The pixels of a picture: scaled down to the size in which the model gets it. Pillow, an optional package, does it.

A photo of 12 megapixels takes about 0.1 s of CPU: this belongs into a thread, not onto the loop.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from link.errors import ConfigError, install
from llm.items import Image, Item, UserMessage
from llm.media import MediaError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
"""What models take; Pillow reads nothing else here. Of a picture that moves, the first frame counts."""
MAX_PIXELS = 50_000_000
"""A picture with more is refused before it is unpacked: few bytes can hold gigabytes of one colour."""
JPEG_QUALITY = 85


def scaled(image: Image) -> Image:
    """The picture, made smaller so that it fits into `width_px` by `height_px`, its proportions kept.

    It is encoded in its own format, upright, without its metadata. A URL, a picture without bounds and one that fits
    are given back as they are. Raises MediaError for bytes that are no picture or too large a one, ConfigError where
    Pillow is missing.
    """
    if image.url or not (image.width_px or image.height_px):
        return image
    try:
        from PIL import Image as pillow
    except ImportError as error:
        raise ConfigError(f"pictures are scaled with Pillow, which is missing: {install('images')}") from error
    try:
        with pillow.open(io.BytesIO(image.data), formats=list(FORMATS)) as picture:
            return _fitted(image, picture)
    except MediaError:
        raise
    except Exception as error:  # Pillow has a dozen kinds for broken bytes: struct.error, SyntaxError, EOFError, …
        what = f"the picture ({image.mime}, {len(image.data)} bytes) cannot be read"
        raise MediaError(f"{what}: {type(error).__name__}: {_brief(error)}") from error


def _fitted(image: Image, picture: Picture) -> Image:
    if picture.width * picture.height > MAX_PIXELS:
        raise MediaError(f"the picture is {picture.width} by {picture.height} pixels, more than {MAX_PIXELS}")
    name = "JPEG" if picture.format == "MPO" else str(picture.format)  # phones: a JPEG with more behind it
    smaller = _smaller(picture, image.width_px, image.height_px)
    if smaller is None:
        return image
    return msgspec.structs.replace(image, data=_encoded(smaller, name), mime=FORMATS[name])


def _smaller(picture: Picture, width_px: int, height_px: int) -> Picture | None:
    """The picture within the bounds (0: none on that side); None where it is so already."""
    from PIL import ImageOps
    from PIL.Image import Resampling

    orientation = picture.getexif().get(0x0112, 1)  # TIFF 6.0: from 5 on, the picture lies on its side
    width, height = (picture.height, picture.width) if orientation >= 5 else picture.size
    factor = min((width_px or width) / width, (height_px or height) / height)
    if factor >= 1:
        return None
    size = max(1, round(width * factor)), max(1, round(height * factor))
    picture.draft(None, (2 * max(size), 2 * max(size)))  # a JPEG is unpacked at a fraction of its size
    upright = _smooth(ImageOps.exif_transpose(picture))
    return upright.resize(size, Resampling.LANCZOS, reducing_gap=2.0)


def _smooth(picture: Picture) -> Picture:
    """In a mode in which pixels can be mixed: a palette's numbers and 16-bit greys cannot."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.mode in ("P", "PA", "LA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGB")


def _encoded(picture: Picture, name: str) -> bytes:
    out = io.BytesIO()
    picture.info.clear()  # EXIF says where a photo was taken; a palette's transparency is not this picture's
    if name == "JPEG":
        picture.save(out, name, quality=JPEG_QUALITY)
    else:
        picture.save(out, name)
    return out.getvalue()


def _brief(error: Exception) -> str:
    """Without the address of an object, which says nothing."""
    return str(error).split("<", maxsplit=1)[0].strip()[:200]


def needs_scaling(item: Item) -> bool:
    """Whether a message has a picture that asks for a size of its own."""
    media = item.media if isinstance(item, UserMessage) else ()
    return any(isinstance(each, Image) and each.data and (each.width_px or each.height_px) for each in media)


def with_scaled_images(items: Sequence[Item]) -> list[Item]:
    """The messages, their pictures scaled. Raises as `scaled` does."""
    return [_with_scaled(item) if isinstance(item, UserMessage) and needs_scaling(item) else item for item in items]


def _with_scaled(message: UserMessage) -> UserMessage:
    media = tuple(scaled(each) if isinstance(each, Image) else each for each in message.media)
    return msgspec.structs.replace(message, media=media)
