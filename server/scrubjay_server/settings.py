"""Settings from the environment (`SCRUBJAY_…`) and from command-line flags of the same names."""

import getpass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from scrubjay.errors import ConfigurationError
from scrubjay.memory import default_folder

_PREFIX = "SCRUBJAY_"


class Settings(BaseSettings):
    """Everything that can be set; a flag goes before the environment, the environment before the default."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Path | None = None
    user_id: str = Field(default_factory=getpass.getuser)
    agent_id: str = "assistant"
    store: str = ""
    extractor: Annotated[Literal["auto", "claude", "openai", "none"], BeforeValidator(str.lower)] = "auto"
    model: str = ""
    extract_timeout_s: float = Field(default=30, gt=0)
    add_wait_s: float = Field(default=8, ge=0)
    embedding_model: str = ""
    session_ttl_hours: float = Field(default=24, gt=0)
    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    tokens_file: Path | None = None
    public_url: str = Field(default="", pattern=r"^$|^https?://[^/?#\s]+/?$")
    rate_per_minute: int = Field(default=3000, ge=1)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)] = (
        "WARNING"
    )

    @property
    def folder(self) -> Path | None:
        """Where memories lie: `store` when it is a path, else `data_dir`, else None for the platform's default."""
        if "://" in self.store:
            raise ConfigurationError(f"SCRUBJAY_STORE {self.store!r} is not supported by this version; give a folder")
        if self.store and self.data_dir:
            raise ConfigurationError(
                "SCRUBJAY_STORE and SCRUBJAY_DATA_DIR (--data-dir) both name a folder; set one of them"
            )
        chosen = Path(self.store) if self.store else self.data_dir
        return chosen.expanduser() if chosen else None

    @property
    def tokens_path(self) -> Path:
        """The file of tokens: `tokens_file`, else in the data folder."""
        if self.tokens_file:
            return self.tokens_file.expanduser()
        return (self.folder or default_folder()) / "tokens.json"


def load_settings(**flags: Any) -> Settings:
    """Return the settings; raises ConfigurationError that names the wrong one."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = str(problem["loc"][0])
        flag = f" (--{field.replace('_', '-')})" if field in flags else ""
        told = str(problem["msg"]).replace("Input should be", "must be")
        raise ConfigurationError(f"{_PREFIX}{field.upper()}{flag} {problem['input']!r}: {told}") from None
