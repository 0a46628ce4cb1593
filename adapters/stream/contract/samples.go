// Package contract is what consumers may rely on: the JSON Schema of every event type and version, an AsyncAPI document
// of the streams they come by, and one sample of each.
package contract

import (
	"encoding/json"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// samplesAt is when the samples say they happened, µs UTC.
const samplesAt = 1_764_000_000_000_000

// Samples returns one event of each type, in order of their names, and one contact.changed.
func Samples() []eventstore.Event {
	var all []eventstore.Event
	for _, kind := range append(domain.EventTypes(), stream.ContactChanged) {
		schema := max(domain.SchemaOf(kind), 1)
		e := eventstore.Event{
			Connection: "default", Position: int64(len(all) + 1), Type: kind, Schema: schema, Data: Sample(kind, schema),
			OccurredAt: samplesAt, RecordedAt: samplesAt, Actor: "duolog", Stream: streamOf(kind),
		}
		e.ID[len(e.ID)-1] = byte(e.Position)
		if kind == domain.DecisionMade || kind == domain.CommandSettled || kind == stream.ContactChanged {
			e.Causation = 1
		}
		all = append(all, e)
	}
	return all
}

// Sample returns the payload of a sample on one line.
func Sample(kind string, schema int) []byte {
	if kind == stream.ContactChanged {
		data, _ := json.Marshal(changed) // texts and raw values
		return data
	}
	return domain.Sample(kind, schema)
}

var changed = stream.Changed{
	Contact: sampleContact, What: "linked", Source: domain.HubSpot, Record: domain.Record{System: domain.HubSpot, ID: "512"},
	Input: 1, Fields: map[string]stream.FieldChange{"city": {
		Before: json.RawMessage(`"Bern"`), After: json.RawMessage(`"Basel"`), Result: "sent",
	}},
}

var sampleContact = ulid.MustParseStrict("01JDB4Q8ZK3MT2V5W6X7Y8Z9A0")

// streamOf names the kind of stream an event of the type lies on.
func streamOf(kind string) string {
	switch {
	case strings.HasPrefix(kind, "record."), kind == domain.CommandSettled, kind == domain.ActivityObserved:
		return "hubspot/contact/512"
	case kind == domain.DecisionMade, kind == stream.ContactChanged:
		return "contact/" + sampleContact.String()
	}
	return "connection"
}
