package hubspot

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// contactType is HubSpot's id of the object type of contacts.
const contactType = "0-1"

// maxMillis bounds the times told, to the year 5138, so that microseconds fit.
const maxMillis = 100_000_000_000_000

// item is one event of a webhook. Newer bodies call the type eventType in the documentation and subscriptionType in
// fact: both are read.
type item struct {
	SubscriptionType string          `json:"subscriptionType"`
	EventType        string          `json:"eventType"`
	EventID          json.Number     `json:"eventId"`
	PortalID         json.Number     `json:"portalId"`
	AppID            json.Number     `json:"appId"`
	ObjectID         json.Number     `json:"objectId"`
	ObjectTypeID     string          `json:"objectTypeId"`
	OccurredAt       json.Number     `json:"occurredAt"` // ms
	PropertyName     string          `json:"propertyName"`
	PropertyValue    json.RawMessage `json:"propertyValue"`
	Sensitive        bool            `json:"isSensitive"`
	ChangeSource     string          `json:"changeSource"`
	SourceID         string          `json:"sourceId"`
	PrimaryObjectID  json.Number     `json:"primaryObjectId"`
	MergedObjectIDs  []json.Number   `json:"mergedObjectIds"`
	NewObjectID      json.Number     `json:"newObjectId"`
}

func (it item) kind() string { return orElse(it.SubscriptionType, it.EventType) }

// Translate reads a body: a JSON array of events. Each becomes one arrival, in the body's order.
func (c *Client) Translate(d adapters.Delivery) ([]adapters.Arrival, error) {
	var items []json.RawMessage
	if !utf8.Valid(d.Body) {
		return nil, malformed("the body is not UTF-8")
	}
	if err := json.Unmarshal(d.Body, &items); err != nil {
		return nil, malformed("the body is not a JSON array of events")
	}
	if items == nil {
		return nil, malformed("the body is null, not a JSON array of events")
	}
	out := make([]adapters.Arrival, len(items))
	for i, raw := range items {
		out[i] = c.arrival(raw, d)
	}
	return out, nil
}

func malformed(reason string) error {
	return &adapters.Rejection{Status: http.StatusBadRequest, Reason: reason}
}

func (c *Client) arrival(raw json.RawMessage, d adapters.Delivery) adapters.Arrival {
	var it item
	if err := json.Unmarshal(raw, &it); err != nil {
		return unread(raw, it, d, "a field is of another type than documented")
	}
	a := adapters.Arrival{Key: canonical(raw), Account: it.PortalID.String()}
	a.OccurredAt = it.micros()
	a.KeyTime = a.OccurredAt
	a.Fact = domain.Fact{Via: "webhook", Clock: soberly(a.OccurredAt, d), Vendor: it.kind(), Origin: c.origin(it)}
	a.Record = record(it.ObjectID.String())
	switch {
	case whole(it.PortalID) == 0:
		return unread(raw, it, d, "portalId is missing or not a number")
	case a.OccurredAt == 0:
		return unread(raw, it, d, "occurredAt is missing or not a time in milliseconds")
	case it.canned():
		a.Ignored = true
		return a
	}
	if reason := it.fill(&a); reason != "" {
		return unread(raw, it, d, reason)
	}
	return a
}

// soberly keeps a clock from running ahead of the delivery that tells it, by more than clocks of machines may differ:
// every true value would count as stale until that day.
func soberly(clock int64, d adapters.Delivery) int64 {
	if d.ReceivedAt.IsZero() {
		return clock
	}
	return min(clock, d.ReceivedAt.Add(maxAge).UnixMicro())
}

// fill sets what depends on the kind of event; it returns why the event cannot be read.
func (it item) fill(a *adapters.Arrival) string {
	object, event, _ := strings.Cut(it.kind(), ".")
	switch {
	case it.kind() == "":
		return "subscriptionType is missing"
	case object != "contact" && (object != "object" || it.ObjectTypeID != contactType):
		return "not an event of contacts"
	case event == "associationChange":
		a.Ignored = true
		return ""
	case event == "merge":
		return it.fillMerge(a)
	case whole(it.ObjectID) == 0:
		return "objectId is missing or not a number"
	}
	switch event {
	case "creation":
		a.Type = domain.RecordCreated
	case "propertyChange":
		a.Type = domain.RecordUpdated
		return it.fillChange(a)
	case "deletion", "privacyDeletion":
		a.Type = domain.RecordDeleted
	case "restore":
		a.Type = domain.RecordRestored
	default:
		return "unknown kind of event"
	}
	return ""
}

// fillChange takes the value, unless HubSpot withholds it: then the change is told without one.
func (it item) fillChange(a *adapters.Arrival) string {
	switch {
	case it.PropertyName == "":
		return "propertyName is missing"
	case it.Sensitive && string(it.PropertyValue) == `"REDACTED"`:
		return ""
	case it.PropertyValue == nil:
		return "propertyValue is missing"
	case it.PropertyValue[0] == '{' || it.PropertyValue[0] == '[':
		return "propertyValue is not a single value"
	}
	a.Fact.Properties = domain.Properties{it.PropertyName: it.PropertyValue}
	return ""
}

// fillMerge names the survivor, which has an id of its own, and everything merged into it. Portals from before that
// let the primary survive.
func (it item) fillMerge(a *adapters.Arrival) string {
	survivor := orElse(it.NewObjectID, it.PrimaryObjectID)
	if whole(survivor) == 0 || whole(it.PrimaryObjectID) == 0 {
		return "a merge without newObjectId or primaryObjectId"
	}
	a.Type, a.Record = domain.RecordMerged, record(survivor.String())
	a.Fact.Primary = record(it.PrimaryObjectID.String())
	for _, id := range append([]json.Number{it.PrimaryObjectID}, it.MergedObjectIDs...) {
		if whole(id) == 0 {
			return "mergedObjectIds holds something that is not an id"
		}
		if id != survivor {
			a.Fact.Merged = append(a.Fact.Merged, record(id.String()))
		}
	}
	return ""
}

// origin tells who made the change. The appId of an event is always the app that receives it, so it is ours; who
// changed the record stands in sourceId.
func (c *Client) origin(it item) domain.Origin {
	app := orElse(c.cfg.AppID, it.AppID.String())
	if told := app; told != "" && told != *c.app.Load() {
		c.app.Store(&told)
	}
	return domain.Origin{Source: it.ChangeSource, ID: it.SourceID, Own: isOurs(app, it.ChangeSource, it.SourceID)}
}

// isOurs reports whether it was our app that changed a value; one that is not known changed none.
func isOurs(app, source, id string) bool { return source == "INTEGRATION" && app != "" && id == app }

// micros is the time of the event, 0 when it has none that can be.
func (it item) micros() int64 {
	ms := whole(it.OccurredAt)
	if ms > maxMillis {
		return 0
	}
	return ms * 1000
}

// canned tells what HubSpot's test button sends. Third parties report it; HubSpot does not document it.
func (it item) canned() bool {
	return it.ObjectID == "123" && it.ChangeSource == "CRM" && (it.EventID == "100" || it.EventID == "1")
}

// whole reads a positive whole number in its plain form, 0 otherwise.
func whole(n json.Number) int64 {
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < 1 || strconv.FormatInt(v, 10) != n.String() {
		return 0
	}
	return v
}

// unread keeps an event that cannot be read, as it came.
func unread(raw json.RawMessage, it item, d adapters.Delivery, reason string) adapters.Arrival {
	at := it.micros()
	a := adapters.Arrival{
		Type: domain.SourceRaw, OccurredAt: at, KeyTime: at, Key: canonical(raw),
		Raw: &domain.Raw{System: domain.HubSpot, Vendor: it.kind(), Reason: reason, Body: raw},
	}
	if whole(it.PortalID) != 0 {
		a.Account = it.PortalID.String()
	}
	if at == 0 {
		a.OccurredAt = d.ReceivedAt.UnixMicro()
	}
	return a
}

// canonical is the event without attemptNumber, the only part that differs when it is delivered again.
func canonical(raw json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil || fields == nil {
		var b bytes.Buffer
		_ = json.Compact(&b, raw) // an element of an array that was read
		return b.String()
	}
	delete(fields, "attemptNumber")
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(fields) // came from JSON
	return strings.TrimSuffix(b.String(), "\n")
}
