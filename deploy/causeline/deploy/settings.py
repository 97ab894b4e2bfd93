"""Every setting of Causeline, once: a field here is a variable `CAUSELINE_<NAME>`, a flag `--<name>` and a row of `causeline settings`.

A flag wins over the environment, the environment over the default. The supervisor hands its settings to its children as environment
(`to_environment`), so what `causeline up` decided (a moved port, the embedded broker's address) is what they see.
To add a setting, add a field with a description; nothing else has to change. Beside it: the types of fields (`setting_types.py`,
`setting_lists.py`), where a value came from (`variables.py`).
"""

from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from causeline.deploy.embedded.cache_folder import default_cache
from causeline.deploy.hosts import is_loopback, reachable
from causeline.deploy.setting_lists import HostList, KindList, OriginList, RightList, SourceDelays, TenantList, TenantQuotas, split_list
from causeline.deploy.setting_types import Duration, Folder, Port, ShortWait
from causeline.query_api.causes.model import DEFAULT_MODEL, Model, read_model
from causeline.schemas import kafka_address
from causeline.schemas.subscriptions.sealing import Sealer
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.values.folding import fold_case
from causeline.schemas.values.mask import MASK

PREFIX: Final = "CAUSELINE_"
_MIN_SECRET: Final = 32


class Settings(BaseSettings):
    """What one Causeline runs with. Frozen; raises pydantic's ValidationError where a value cannot be."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True, validate_default=True
    )

    data_dir: Folder = Field(Path("causeline-data"), description="folder of the embedded parts: broker, database, logs")
    host: str = Field("127.0.0.1", description="address to bind; another than loopback needs --auth said explicitly")
    http_port: Port = Field(8080, description="port of the HTTP APIs; 0 takes a free one")
    reuse_port: bool = Field(default=False, description="several `causeline server` share the HTTP and gRPC ports; needs --clickhouse")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+[^?#\s]*)?$",
        description="address of the server in links; empty is host and port",
    )
    grpc_port: Port = Field(8765, description="port of the Tracker gRPC service; 0 takes a free one")
    kafka_port: Port = Field(19092, description="port of the embedded Kafka; 0 takes a free one")
    processors_metrics_port: Port = Field(8081, description="port of the processors' /metrics; 0 takes a free one")
    deliveries_metrics_port: Port = Field(8082, description="port of the delivery workers' /metrics; 0 takes a free one")
    free_ports: bool = Field(default=False, description="take the next free port where one is taken")
    kafka: str = Field(
        "", description="[user:password@]host:port,…[?mechanism=SCRAM-SHA-512&tls=1] of a Kafka cluster; empty starts the embedded broker"
    )
    clickhouse: str = Field("", description="http(s)://user:password@host:port/database; empty is the embedded engine")
    clickhouse_cluster: str = Field("", pattern=r"^\w*$", description="cluster to make replicated tables on; empty makes plain ones")
    auth: Literal["", "off", "required"] = Field(
        "", description="required: every call needs a token; off: everybody may do everything (default on loopback)"
    )
    allowed_hosts: str = Field(
        "",
        pattern=r"^(\*|[^*/@:]*)$",
        description="names that the server goes by without authentication, such as causeline.internal,…; addresses need none; * is any",
    )
    cors_origins: OriginList = Field(
        "", description="origins whose pages may read (GET) in a browser, such as https://ops.example,…; exact ones; empty is none"
    )
    jwt_secret: str = Field("", description="secret of HS256 JWTs, at least 32 bytes; better as variable than as flag, which others see")
    jwt_jwks: str = Field("", description="file or http(s) URL of the JWKS that verifies RS256 and ES256 JWTs")
    jwt_issuer: str = Field("", description="issuer that JWTs must name; empty is not checked")
    jwt_audience: str = Field("", description="audience that JWTs must name; empty is not checked")
    session_idle: Duration = Field(43_200_000, description="a session of a browser ends this long after its last visit of a page")
    session_length: Duration = Field(604_800_000, description="a session of a browser ends this long after it began, whatever happens")
    max_sessions: int = Field(1_000, ge=1, le=10_000, description="sessions of browsers a tenant; one more ends its oldest one")
    oidc_issuer: str = Field(
        "", pattern=r"^(https?://[^/?#\s]+[^?#\s]*)?$", description="address of the OpenID provider that visitors of pages sign in with"
    )
    oidc_client_id: str = Field("", description="what the OpenID provider knows this server as")
    oidc_client_secret: str = Field("", description="this server's secret at the OpenID provider; empty: it has none (PKCE alone)")
    oidc_name: str = Field("", max_length=100, description="what the form to sign in calls the OpenID provider; empty is its host")
    oidc_request: str = Field("openid profile email", description="scopes that are asked of the OpenID provider, with blanks between")
    oidc_tenant_claim: str = Field("tenant", description="claim of the OpenID provider that names a visitor's tenants, one text or a list")
    oidc_tenants: TenantList = Field("", description="tenants of visitors whose provider names none, at most 8, such as shop,ci")
    oidc_groups_claim: str = Field("groups", description="claim of the OpenID provider that names a visitor's groups")
    oidc_scope_claim: str = Field("", description="claim of the OpenID provider that names scopes (read, ingest, admin); empty: none does")
    oidc_rights: RightList = Field(
        "read", description="scopes of everybody whom the OpenID provider knows, and of its groups: read,sre=ingest,platform=admin"
    )
    partitions: int = Field(4, ge=1, le=1_000, description="partitions of every topic, when the topics are made")
    replication_factor: int = Field(1, ge=1, le=10, description="replicas of every topic, when the topics are made")
    dedup_window: Duration = Field(3_600_000, description="how long a repeated Idempotency-Key is recognized")
    max_open_problems: int = Field(
        10_000, ge=0, le=10_000_000, description="open problems of a tenant, an equal share in each partition; 0: any number"
    )
    max_services: int = Field(10_000, ge=0, le=100_000, description="services that a tenant may describe (/v1/services), 16 MiB together")
    max_feedback: int = Field(
        10_000, ge=0, le=100_000, description="pieces of feedback on causes that a tenant may give, 100 of one problem, 16 MiB together"
    )
    causes_delays: SourceDelays = Field(
        "", description="how late the sources of an API notice what they say the start of, such as desk=30s,tracker=2m; without it at once"
    )
    causes_kinds: KindList = Field(
        "", description="kinds of events that are changes though custom, of all tenants or of one, such as rollout,shop=schema_change"
    )
    causes_publish: bool = Field(default=True, description="publish rankings of causes on causeline.causes, and tell subscribers of them")
    causes_model: str = Field("", description="file of weights that rank causes (`causeline causes fit` makes it); empty: those that ship")
    retention_days: int = Field(730, ge=1, le=18_250, description="days that events stay queryable, at most 50 years")
    tracker_profile: Literal["document", "released"] = Field(
        "document", description="whose codes Tracker's REST API speaks: its API document's, or its released proto's"
    )
    transaction_round_ms: int = Field(
        100, ge=1, le=10_000, description="shortest time between two transactions of a busy partition that keeps up, ms"
    )
    session_timeout_ms: int = Field(
        6_000, ge=1_000, le=300_000, description="a silent member of a consumer group is replaced after this, ms"
    )
    sink_linger_ms: int = Field(250, ge=1, le=10_000, description="longest wait of the sink to fill an insert, ms")
    tenant_events_per_second: int = Field(
        0, ge=0, description="events a second that one tenant may send, over 10 s; more is 429; 0 is no quota"
    )
    tenant_quotas: TenantQuotas = Field(
        "", description="quotas of single tenants, such as shop=500,ci=0; they replace tenant_events_per_second"
    )
    work_target_ms: int = Field(300, ge=10, le=4_000, description="a write should be answered within this; beyond it new ones are 503, ms")
    body_timeout: Duration = Field(30_000, description="the longest that a body may take to arrive; then 408 and the connection is closed")
    header_timeout: Duration = Field(5_000, description="a header must be complete after this, the first one since the connection was made")
    idle_timeout: Duration = Field(30_000, description="a connection without a request is closed after this")
    connections_per_address: int = Field(
        1_024, ge=0, description="connections of one client address, beyond which resting ones are closed; 0 is no bound"
    )
    stall_timeout: Duration = Field(30_000, description="a client that takes no answer, or is gone without a word, is cut after this")
    streams: int = Field(
        200,
        ge=0,
        le=10_000,
        description="clients that may follow the log (GET /v1/stream) through one server, three quarters of one tenant; more are 503, 429",
    )
    stream_heartbeat: Duration = Field(
        15_000, description="a stream without a message gets a heartbeat after this, and its token is looked at"
    )
    secrets_key: str = Field("", description="Fernet keys for secrets of subscriptions, the first one encrypts; empty: `up` makes one")
    delivery_allow: HostList = Field("", description="private or http hosts and networks that webhooks may reach: 10.1.0.0/16,a.internal")
    delivery_timeout: Duration = Field(15_000, description="the longest that one attempt to deliver may take, whatever the endpoint does")
    delivery_concurrency: int = Field(256, ge=1, le=10_000, description="attempts to deliver that one worker has under way at once")
    causes_patience: ShortWait = Field(
        3_000, description="the longest that a message of a problem that began waits for its likeliest causes, at most 10s; 0s is never"
    )
    api_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+[^?#\s]*)?$",
        description="where the delivery workers ask the server what changed around a problem; empty is host and port",
    )
    slack_api: str = Field("https://slack.com/api", pattern=r"^https?://[^/?#\s]+[^?#\s]*$", description="address of Slack's Web API")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level that is logged")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, JSON elsewhere")
    min_free_disk: int = Field(
        256, ge=0, le=1 << 20, description="free MiB on the data folder's disk below which writes are refused with 503; 0 never"
    )
    kafka_heap: str = Field("512m", pattern=r"^\d+[kmgKMG]$", description="heap of the embedded broker's JVM")
    cache: Folder | None = Field(None, description="folder for downloaded jars (default: causeline in XDG_CACHE_HOME or ~/.cache)")
    maven: str = Field("", pattern=r"^(https?://.+)?$", description="Maven repository to download Kafka from; empty is Maven Central")

    @field_validator("kafka")
    @classmethod
    def _kafka_is_a_list_of_addresses(cls, value: str) -> str:
        return kafka_address.parse_address(value).text if value.strip() else ""

    @field_validator("clickhouse")
    @classmethod
    def _clickhouse_is_a_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("is not http(s)://user:password@host:port/database")
        return value

    @field_validator("secrets_key")
    @classmethod
    def _keys_are_keys(cls, value: str) -> str:
        if value:
            Sealer(value)
        return value

    @field_validator("jwt_jwks")
    @classmethod
    def _a_file_of_keys_is_there(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"} and not Path(value).is_file():
            raise ValueError(f"{value} is neither an http(s) URL nor a file")
        return value

    @field_validator("causes_model")
    @classmethod
    def _weights_are_weights(cls, value: str) -> str:
        if value:
            _model_in(value)
        return value

    @field_validator("jwt_secret")
    @classmethod
    def _a_secret_cannot_be_guessed(cls, value: str) -> str:
        if value and len(value.encode()) < _MIN_SECRET:
            raise ValueError(f"has fewer than {_MIN_SECRET} bytes (RFC 7518, 3.2)")
        return value

    @model_validator(mode="after")
    def _an_open_door_is_said_explicitly(self) -> Self:
        if not self.auth and not is_loopback(self.host):
            raise ValueError(
                f"host={self.host} is reachable from outside and nobody is authenticated: say auth=required, or auth=off if that is meant"
            )
        return self

    @model_validator(mode="after")
    def _a_provider_knows_this_server(self) -> Self:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("oidc_issuer needs oidc_client_id: what the provider knows this server as")
        parts = urlsplit(self.oidc_issuer)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("oidc_issuer: what a provider says is believed over https only, or on loopback")
        return self

    @model_validator(mode="after")
    def _a_shared_port_needs_a_shared_store(self) -> Self:
        if self.reuse_port and not self.clickhouse:
            raise ValueError("reuse_port=true needs clickhouse=URL: the embedded engine allows one process a folder, so one server")
        return self

    @property
    def cache_dir(self) -> Path:
        """The folder of downloaded jars."""
        return self.cache or default_cache({})

    @property
    def public_address(self) -> str:
        """The address in links, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.http_port}").rstrip("/")

    @property
    def api_address(self) -> str:
        """Where this Causeline's own processes reach the server, without a trailing slash."""
        host = reachable(self.host)
        return (self.api_url or f"http://{f'[{host}]' if ':' in host else host}:{self.http_port}").rstrip("/")

    @property
    def dedup_window_ms(self) -> int:
        """The window of the Idempotency-Key, ms."""
        return self.dedup_window

    @property
    def cause_weights(self) -> Model:
        """The weights of rankings of causes."""
        return _model_in(self.causes_model) if self.causes_model else DEFAULT_MODEL

    @property
    def quotas(self) -> dict[str, int]:
        """Events a second of the tenants that have a quota of their own; 0 is none."""
        return {tenant: int(number) for tenant, _, number in (part.partition("=") for part in split_list(self.tenant_quotas))}

    @property
    def detection_delays(self) -> dict[str, int]:
        """How late (ms) the sources of an API notice, by API."""
        return {api: duration_ms(delay) for api, _, delay in (part.partition("=") for part in split_list(self.causes_delays))}

    @property
    def change_kinds(self) -> dict[str, frozenset[str]]:
        """Kinds that are changes beside the known ones, by tenant; those of all under ''."""
        kinds: dict[str, frozenset[str]] = {}
        for tenant, _, kind in (part.rpartition("=") for part in split_list(self.causes_kinds)):
            kinds[tenant] = kinds.get(tenant, frozenset()) | {fold_case(kind.strip())}
        return kinds

    @property
    def public_host(self) -> str:
        """`host[:port]` of the address that pages are known by, '' where none was said: then it is whatever the browser asks by."""
        return urlsplit(self.public_url).netloc

    @property
    def auth_required(self) -> bool:
        """Whether every call needs a token."""
        return self.auth == "required"

    @property
    def embedded_kafka(self) -> bool:
        """Whether `causeline up` runs the broker itself."""
        return not self.kafka

    def to_environment(self) -> dict[str, str]:
        """Return the variables that make a child process see these settings."""
        return {PREFIX + name.upper(): text for name, text in self.as_text().items() if text}

    def as_text(self) -> dict[str, str]:
        """Return every setting by name as one would write it in the environment; secrets in the clear."""
        return {name: _text(value) for name, value in self.model_dump(mode="json").items()}


def _model_in(path: str) -> Model:
    """Return the weights in a file. Raises ValueError."""
    try:
        return read_model(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def mask_setting(name: str, text: str) -> str:
    """Return a setting's text without its secret: the password in an address, all of the others."""
    if name in {"jwt_secret", "oidc_client_secret", "secrets_key"}:
        return MASK if text else ""
    if name == "kafka" and text:
        return kafka_address.parse_address(text).masked_text
    password = urlsplit(text).password if name == "clickhouse" else None
    return text.replace(f":{password}@", ":***@", 1) if password else text
