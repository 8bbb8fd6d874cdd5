"""What a provider's refusal calls for: one outcome for each code, whichever protocol brought it. Pure.

Codes are those of OpenAI's errors (`error.code`), which the providers that speak its protocols send as well.
"""

from __future__ import annotations

from llm.events import Failure

_FATAL = """
    invalid_api_key invalid_authentication account_deactivated billing_hard_limit_reached billing_not_active
    insufficient_quota model_not_found model_not_available unsupported_country_region_territory
    data_residency_mismatch
""".split()
_TOO_LONG = "context_length_exceeded string_above_max_length request_too_large exceed_context_size_error".split()
_BLOCKED = """
    invalid_prompt content_filter content_policy_violation bio_policy misalignment_policy_violation
    image_content_policy_violation invalid_image invalid_image_format invalid_base64_image invalid_image_url
    invalid_image_mode image_too_large image_too_small image_parse_error image_file_too_large
    unsupported_image_media_type empty_image_file failed_to_download_image image_file_not_found
""".split()  # what the log holds is refused each time
_PASSING = "previous_response_not_found rate_limit_exceeded server_error server_is_overloaded slow_down".split()
_KINDS: dict[str, Failure] = {
    **dict.fromkeys(_FATAL, "fatal"),
    **dict.fromkeys(_TOO_LONG, "too_long"),
    **dict.fromkeys(_BLOCKED, "blocked"),
    **dict.fromkeys(_PASSING, "passing"),
}
_BY_STATUS: dict[int | None, Failure] = {401: "fatal", 403: "fatal", 404: "fatal", 413: "too_long"}


def kind_of(code: str | None, status: int | None = None) -> Failure:
    """What a failure calls for, by its code, else by its HTTP status; what nobody knows may pass."""
    if code in _KINDS:
        return _KINDS[code]
    return _BY_STATUS.get(status, "passing")
