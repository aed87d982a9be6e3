"""What a site decides for itself: environment variables AIMIS_..., over a TOML file, over the defaults.

The file is the one that AIMIS_SETTINGS names, else `aimis/settings.toml` in the user's configuration folder.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from aimis.domain.errors import UsageError
from aimis.imaging.limits import DEFAULT_LIMITS

FILE_VARIABLE = "AIMIS_SETTINGS"

Positive = Annotated[int, Field(ge=1)]


class LimitSettings(BaseModel):
    """What a file may ask of this machine; more is refused before pixels are allocated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_pixels: Positive = Field(DEFAULT_LIMITS.max_pixels, description="Of one picture.")
    max_decoded_bytes: Positive = Field(
        DEFAULT_LIMITS.max_decoded_bytes, description="That decoding one picture may hold at once."
    )
    max_bytes: Positive = Field(DEFAULT_LIMITS.max_bytes, description="Of one file, or of one member of a zip.")
    max_frames: Positive = Field(DEFAULT_LIMITS.max_frames, description="Of one file.")
    enough_px: Positive = Field(
        DEFAULT_LIMITS.enough_px,
        description="A picture is decoded smaller while its shortest side stays at least this long.",
    )


class ServeSettings(BaseModel):
    """How `aimis serve` is reached, what one person may ask of it, and how long it keeps what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen at.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="Port to listen at.")
    public_url: str | None = Field(None, description="How people reach it, for links in WeChat; https in public.")
    proxies: tuple[str, ...] = Field((), description="Addresses of proxies whose X-Forwarded-For is believed.")
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = Field(
        None, description="Whose emergency numbers are shown; unset: people are asked, on Chinese pages China's stand."
    )
    starts_per_hour: Positive = Field(60, description="Consultations that one address may begin.")
    requests_per_minute: Positive = Field(240, description="Of one address.")
    keep_days: Positive = Field(30, description="After the last answer; then a consultation is erased.")
    keep_handed_over_days: Positive = Field(365, description="The same, of one that a clinician was given.")


class WeChatSettings(BaseModel):
    """Of one Official Account, as WeChat's console shows them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app_id: str = Field("", description="AppID; empty: WeChat is off.")
    app_secret: SecretStr = Field(SecretStr(""), description="AppSecret.")
    token: SecretStr = Field(SecretStr(""), description="Token of the server's configuration.")
    encoding_aes_key: SecretStr = Field(
        SecretStr(""), description="EncodingAESKey of the server's configuration; mode: safe."
    )
    api_url: str = Field("https://api.weixin.qq.com", description="WeChat's API; a simulator's in tests.")


class Settings(BaseSettings):
    """All settings; a key that is none of them is refused."""

    model_config = SettingsConfigDict(env_prefix="AIMIS_", env_nested_delimiter="__", frozen=True, extra="forbid")

    language: Literal["en", "zh"] = Field("en", description="Of all that a person reads: en or zh.")
    readers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Ids of the readers to use, in the environment separated by commas; empty is all."
    )
    readers_path: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders of further readers; in the environment separated as in PATH."
    )
    operating_point: Literal["screening", "balanced", "specific"] | None = Field(
        None, description="For all readers; without it each reader's own."
    )
    thresholds: dict[str, dict[str, float | str]] = Field(
        default_factory=dict,
        description="A site's own decisions: [thresholds.READER], then FINDING = a threshold 0..1"
        " or the name of an operating point.",
    )
    jobs: Positive | None = Field(
        None, description="Files read at the same time, while one more is loaded; without it one a thread."
    )
    threads: Positive | None = Field(
        None, description="Threads that one process computes with; without it one a processor."
    )
    engine: Literal["auto", "openvino", "onnxruntime", "onnxruntime-cuda"] = Field(
        "auto", description="The inference engine."
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        "auto", description="Of inference; auto takes bf16 only where the processor has it."
    )
    limits: LimitSettings = Field(default_factory=LimitSettings, description="What a file may ask of this machine.")
    mask_patient_ids: bool = Field(
        default=False,
        description="Name patients and studies masked (1***7) where a result says that inputs are of two.",
    )
    database_url: SecretStr | None = Field(
        None, description="A PostgreSQL database; without it one of our own in data_folder."
    )
    data_folder: Path | None = Field(None, description="Where data lie that are kept; without it the user's own.")
    data_keys: SecretStr | None = Field(
        None, description="Keys that what is kept is sealed with, newest first; without it those of data_folder/keys."
    )
    serve: ServeSettings = Field(default_factory=ServeSettings, description="Of `aimis serve`.")
    wechat: WeChatSettings = Field(default_factory=WeChatSettings, description="Of a WeChat Official Account.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="What is worth a log line.")
    log_format: Literal["text", "json"] = Field("text", description="Of log lines on standard error.")

    @field_validator("readers", mode="before")
    @classmethod
    def _split_readers(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("readers_path", mode="before")
    @classmethod
    def _split_path(cls, value: object) -> object:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  part of the interface; there is no .env file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  part of the interface; there are no secrets
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=settings_file())


def settings_file() -> Path:
    """Where the settings file lies or would lie."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "aimis" / "settings.toml"


def load_settings() -> Settings:
    """The settings in force; UsageError names the key that does not hold, or the file that cannot be used."""
    file = settings_file()
    if os.environ.get(FILE_VARIABLE) and not file.is_file():
        raise UsageError(f"{FILE_VARIABLE} names {file}, which is not there. Mend the path or unset the variable")
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"settings ({file} or AIMIS_... variables): {faults}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}. Mend it and try again") from error
    except ValueError as error:  # pydantic-settings' own, e.g. a table in the environment that is no JSON
        raise UsageError(f"settings: {error}") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}). Mend its permissions") from error
