import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import wrappers_pb2 as _wrappers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TYPE_UNSPECIFIED: _ClassVar[Type]
    deployment: _ClassVar[Type]
    operation: _ClassVar[Type]
    drift: _ClassVar[Type]
    incident: _ClassVar[Type]
    rpa_usage: _ClassVar[Type]

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    P1: _ClassVar[Priority]
    P2: _ClassVar[Priority]
    P3: _ClassVar[Priority]
    P4: _ClassVar[Priority]
    P5: _ClassVar[Priority]

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    start: _ClassVar[Status]
    failure: _ClassVar[Status]
    success: _ClassVar[Status]
    warning: _ClassVar[Status]
    error: _ClassVar[Status]
    snapshot: _ClassVar[Status]
    user_update: _ClassVar[Status]
    recommandation: _ClassVar[Status]
    open: _ClassVar[Status]
    close: _ClassVar[Status]
    done: _ClassVar[Status]
    in_progress: _ClassVar[Status]
    planned: _ClassVar[Status]
    waiting_approval: _ClassVar[Status]

class Environment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENVIRONMENT_UNSPECIFIED: _ClassVar[Environment]
    development: _ClassVar[Environment]
    integration: _ClassVar[Environment]
    TNR: _ClassVar[Environment]
    UAT: _ClassVar[Environment]
    recette: _ClassVar[Environment]
    preproduction: _ClassVar[Environment]
    production: _ClassVar[Environment]
    mco: _ClassVar[Environment]

class ChangeType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_TYPE_UNSPECIFIED: _ClassVar[ChangeType]
    created: _ClassVar[ChangeType]
    updated: _ClassVar[ChangeType]
    status_changed: _ClassVar[ChangeType]
    approved: _ClassVar[ChangeType]
    rejected: _ClassVar[ChangeType]
    commented: _ClassVar[ChangeType]
    linked: _ClassVar[ChangeType]
    locked: _ClassVar[ChangeType]
    unlocked: _ClassVar[ChangeType]
TYPE_UNSPECIFIED: Type
deployment: Type
operation: Type
drift: Type
incident: Type
rpa_usage: Type
PRIORITY_UNSPECIFIED: Priority
P1: Priority
P2: Priority
P3: Priority
P4: Priority
P5: Priority
STATUS_UNSPECIFIED: Status
start: Status
failure: Status
success: Status
warning: Status
error: Status
snapshot: Status
user_update: Status
recommandation: Status
open: Status
close: Status
done: Status
in_progress: Status
planned: Status
waiting_approval: Status
ENVIRONMENT_UNSPECIFIED: Environment
development: Environment
integration: Environment
TNR: Environment
UAT: Environment
recette: Environment
preproduction: Environment
production: Environment
mco: Environment
CHANGE_TYPE_UNSPECIFIED: ChangeType
created: ChangeType
updated: ChangeType
status_changed: ChangeType
approved: ChangeType
rejected: ChangeType
commented: ChangeType
linked: ChangeType
locked: ChangeType
unlocked: ChangeType

class EventAttributes(_message.Message):
    __slots__ = ("message", "source", "type", "priority", "related_id", "service", "status", "environment", "impact", "start_date", "end_date", "owner", "stake_holders", "notification", "notifications")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RELATED_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STAKE_HOLDERS_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    message: str
    source: str
    type: Type
    priority: Priority
    related_id: str
    service: str
    status: Status
    environment: Environment
    impact: bool
    start_date: _timestamp_pb2.Timestamp
    end_date: _timestamp_pb2.Timestamp
    owner: str
    stake_holders: _containers.RepeatedScalarFieldContainer[str]
    notification: bool
    notifications: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, message: _Optional[str] = ..., source: _Optional[str] = ..., type: _Optional[_Union[Type, str]] = ..., priority: _Optional[_Union[Priority, str]] = ..., related_id: _Optional[str] = ..., service: _Optional[str] = ..., status: _Optional[_Union[Status, str]] = ..., environment: _Optional[_Union[Environment, str]] = ..., impact: _Optional[bool] = ..., start_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., owner: _Optional[str] = ..., stake_holders: _Optional[_Iterable[str]] = ..., notification: _Optional[bool] = ..., notifications: _Optional[_Iterable[str]] = ...) -> None: ...

class EventLinks(_message.Message):
    __slots__ = ("pull_request_link", "ticket")
    PULL_REQUEST_LINK_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    pull_request_link: str
    ticket: str
    def __init__(self, pull_request_link: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class EventMetadata(_message.Message):
    __slots__ = ("created_at", "duration", "id", "slack_id")
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    created_at: _timestamp_pb2.Timestamp
    duration: _duration_pb2.Duration
    id: str
    slack_id: str
    def __init__(self, created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., id: _Optional[str] = ..., slack_id: _Optional[str] = ...) -> None: ...

class ChangelogEntry(_message.Message):
    __slots__ = ("timestamp", "user", "change_type", "field", "old_value", "new_value", "comment")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    OLD_VALUE_FIELD_NUMBER: _ClassVar[int]
    NEW_VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    timestamp: _timestamp_pb2.Timestamp
    user: str
    change_type: ChangeType
    field: str
    old_value: str
    new_value: str
    comment: str
    def __init__(self, timestamp: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., user: _Optional[str] = ..., change_type: _Optional[_Union[ChangeType, str]] = ..., field: _Optional[str] = ..., old_value: _Optional[str] = ..., new_value: _Optional[str] = ..., comment: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("title", "attributes", "links", "metadata", "changelog")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHANGELOG_FIELD_NUMBER: _ClassVar[int]
    title: str
    attributes: EventAttributes
    links: EventLinks
    metadata: EventMetadata
    changelog: _containers.RepeatedCompositeFieldContainer[ChangelogEntry]
    def __init__(self, title: _Optional[str] = ..., attributes: _Optional[_Union[EventAttributes, _Mapping]] = ..., links: _Optional[_Union[EventLinks, _Mapping]] = ..., metadata: _Optional[_Union[EventMetadata, _Mapping]] = ..., changelog: _Optional[_Iterable[_Union[ChangelogEntry, _Mapping]]] = ...) -> None: ...

class CreateEventRequest(_message.Message):
    __slots__ = ("title", "attributes", "links", "slack_id")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    title: str
    attributes: EventAttributes
    links: EventLinks
    slack_id: str
    def __init__(self, title: _Optional[str] = ..., attributes: _Optional[_Union[EventAttributes, _Mapping]] = ..., links: _Optional[_Union[EventLinks, _Mapping]] = ..., slack_id: _Optional[str] = ...) -> None: ...

class CreateEventResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class UpdateEventRequest(_message.Message):
    __slots__ = ("title", "attributes", "links", "slack_id", "id")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    title: str
    attributes: EventAttributes
    links: EventLinks
    slack_id: str
    id: str
    def __init__(self, title: _Optional[str] = ..., attributes: _Optional[_Union[EventAttributes, _Mapping]] = ..., links: _Optional[_Union[EventLinks, _Mapping]] = ..., slack_id: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class UpdateEventResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class DeleteEventRequest(_message.Message):
    __slots__ = ("id", "slack_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    slack_id: str
    def __init__(self, id: _Optional[str] = ..., slack_id: _Optional[str] = ...) -> None: ...

class DeleteEventResponse(_message.Message):
    __slots__ = ("id", "slack_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    slack_id: str
    def __init__(self, id: _Optional[str] = ..., slack_id: _Optional[str] = ...) -> None: ...

class GetEventRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetEventResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class SearchEventsRequest(_message.Message):
    __slots__ = ("source", "type", "priority", "status", "service", "start_date", "end_date", "environment", "impact", "slack_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    source: str
    type: Type
    priority: Priority
    status: Status
    service: str
    start_date: str
    end_date: str
    environment: Environment
    impact: bool
    slack_id: str
    def __init__(self, source: _Optional[str] = ..., type: _Optional[_Union[Type, str]] = ..., priority: _Optional[_Union[Priority, str]] = ..., status: _Optional[_Union[Status, str]] = ..., service: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., environment: _Optional[_Union[Environment, str]] = ..., impact: _Optional[bool] = ..., slack_id: _Optional[str] = ...) -> None: ...

class SearchEventsResponse(_message.Message):
    __slots__ = ("events", "total_count")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    total_count: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., total_count: _Optional[int] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("per_page", "page")
    PER_PAGE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    per_page: _wrappers_pb2.UInt32Value
    page: _wrappers_pb2.Int32Value
    def __init__(self, per_page: _Optional[_Union[_wrappers_pb2.UInt32Value, _Mapping]] = ..., page: _Optional[_Union[_wrappers_pb2.Int32Value, _Mapping]] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "total_count")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    total_count: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., total_count: _Optional[int] = ...) -> None: ...

class TodayEventsRequest(_message.Message):
    __slots__ = ("per_page", "page")
    PER_PAGE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    per_page: _wrappers_pb2.UInt32Value
    page: _wrappers_pb2.Int32Value
    def __init__(self, per_page: _Optional[_Union[_wrappers_pb2.UInt32Value, _Mapping]] = ..., page: _Optional[_Union[_wrappers_pb2.Int32Value, _Mapping]] = ...) -> None: ...

class TodayEventsResponse(_message.Message):
    __slots__ = ("events", "total_count")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    total_count: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., total_count: _Optional[int] = ...) -> None: ...

class AddChangelogEntryRequest(_message.Message):
    __slots__ = ("id", "entry")
    ID_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    id: str
    entry: ChangelogEntry
    def __init__(self, id: _Optional[str] = ..., entry: _Optional[_Union[ChangelogEntry, _Mapping]] = ...) -> None: ...

class AddChangelogEntryResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class GetEventChangelogRequest(_message.Message):
    __slots__ = ("id", "per_page", "page")
    ID_FIELD_NUMBER: _ClassVar[int]
    PER_PAGE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    id: str
    per_page: _wrappers_pb2.UInt32Value
    page: _wrappers_pb2.Int32Value
    def __init__(self, id: _Optional[str] = ..., per_page: _Optional[_Union[_wrappers_pb2.UInt32Value, _Mapping]] = ..., page: _Optional[_Union[_wrappers_pb2.Int32Value, _Mapping]] = ...) -> None: ...

class GetEventChangelogResponse(_message.Message):
    __slots__ = ("changelog", "total_count")
    CHANGELOG_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    changelog: _containers.RepeatedCompositeFieldContainer[ChangelogEntry]
    total_count: int
    def __init__(self, changelog: _Optional[_Iterable[_Union[ChangelogEntry, _Mapping]]] = ..., total_count: _Optional[int] = ...) -> None: ...

class AddSlackIdRequest(_message.Message):
    __slots__ = ("id", "slack_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    SLACK_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    slack_id: str
    def __init__(self, id: _Optional[str] = ..., slack_id: _Optional[str] = ...) -> None: ...

class AddSlackIdResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class GetEventStatsRequest(_message.Message):
    __slots__ = ("start_date", "end_date", "environments", "impact", "priorities", "types", "statuses", "source", "service")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    PRIORITIES_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    environments: _containers.RepeatedScalarFieldContainer[Environment]
    impact: _wrappers_pb2.BoolValue
    priorities: _containers.RepeatedScalarFieldContainer[Priority]
    types: _containers.RepeatedScalarFieldContainer[Type]
    statuses: _containers.RepeatedScalarFieldContainer[Status]
    source: str
    service: str
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., environments: _Optional[_Iterable[_Union[Environment, str]]] = ..., impact: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ..., priorities: _Optional[_Iterable[_Union[Priority, str]]] = ..., types: _Optional[_Iterable[_Union[Type, str]]] = ..., statuses: _Optional[_Iterable[_Union[Status, str]]] = ..., source: _Optional[str] = ..., service: _Optional[str] = ...) -> None: ...

class GetEventStatsResponse(_message.Message):
    __slots__ = ("total_count", "start_date", "end_date", "by_type", "by_status", "by_priority", "by_environment", "by_service")
    class ByTypeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByStatusEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByPriorityEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByEnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByServiceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    BY_TYPE_FIELD_NUMBER: _ClassVar[int]
    BY_STATUS_FIELD_NUMBER: _ClassVar[int]
    BY_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    BY_ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    BY_SERVICE_FIELD_NUMBER: _ClassVar[int]
    total_count: int
    start_date: str
    end_date: str
    by_type: _containers.ScalarMap[str, int]
    by_status: _containers.ScalarMap[str, int]
    by_priority: _containers.ScalarMap[str, int]
    by_environment: _containers.ScalarMap[str, int]
    by_service: _containers.ScalarMap[str, int]
    def __init__(self, total_count: _Optional[int] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., by_type: _Optional[_Mapping[str, int]] = ..., by_status: _Optional[_Mapping[str, int]] = ..., by_priority: _Optional[_Mapping[str, int]] = ..., by_environment: _Optional[_Mapping[str, int]] = ..., by_service: _Optional[_Mapping[str, int]] = ...) -> None: ...

class GetEventStatsByMonthRequest(_message.Message):
    __slots__ = ("start_date", "end_date", "environments", "impact", "priorities", "types", "statuses", "source", "service", "group_by_service")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    PRIORITIES_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_SERVICE_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    environments: _containers.RepeatedScalarFieldContainer[Environment]
    impact: _wrappers_pb2.BoolValue
    priorities: _containers.RepeatedScalarFieldContainer[Priority]
    types: _containers.RepeatedScalarFieldContainer[Type]
    statuses: _containers.RepeatedScalarFieldContainer[Status]
    source: str
    service: str
    group_by_service: bool
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., environments: _Optional[_Iterable[_Union[Environment, str]]] = ..., impact: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ..., priorities: _Optional[_Iterable[_Union[Priority, str]]] = ..., types: _Optional[_Iterable[_Union[Type, str]]] = ..., statuses: _Optional[_Iterable[_Union[Status, str]]] = ..., source: _Optional[str] = ..., service: _Optional[str] = ..., group_by_service: _Optional[bool] = ...) -> None: ...

class MonthlyStats(_message.Message):
    __slots__ = ("year", "month", "count", "service")
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    year: int
    month: int
    count: int
    service: str
    def __init__(self, year: _Optional[int] = ..., month: _Optional[int] = ..., count: _Optional[int] = ..., service: _Optional[str] = ...) -> None: ...

class MonthCounts(_message.Message):
    __slots__ = ("month", "total_count", "by_type", "by_status")
    class ByTypeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByStatusEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    MONTH_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    BY_TYPE_FIELD_NUMBER: _ClassVar[int]
    BY_STATUS_FIELD_NUMBER: _ClassVar[int]
    month: str
    total_count: int
    by_type: _containers.ScalarMap[str, int]
    by_status: _containers.ScalarMap[str, int]
    def __init__(self, month: _Optional[str] = ..., total_count: _Optional[int] = ..., by_type: _Optional[_Mapping[str, int]] = ..., by_status: _Optional[_Mapping[str, int]] = ...) -> None: ...

class GetEventStatsByMonthResponse(_message.Message):
    __slots__ = ("stats", "total_count", "start_date", "end_date", "months")
    STATS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    MONTHS_FIELD_NUMBER: _ClassVar[int]
    stats: _containers.RepeatedCompositeFieldContainer[MonthlyStats]
    total_count: int
    start_date: str
    end_date: str
    months: _containers.RepeatedCompositeFieldContainer[MonthCounts]
    def __init__(self, stats: _Optional[_Iterable[_Union[MonthlyStats, _Mapping]]] = ..., total_count: _Optional[int] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., months: _Optional[_Iterable[_Union[MonthCounts, _Mapping]]] = ...) -> None: ...
