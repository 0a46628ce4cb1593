package aloware

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// The wire names of the four contact events are not documented, and those of others differ from the names in
// Aloware's panel, so they are recognised tolerantly.
var contactEvent = regexp.MustCompile(`(?i)^contact[-_. ]?(created|updated|disposed|dnc)`)

// envelope is a delivery: {"event": name, "body": {…}}, or {"test_payload": true} when a webhook is saved or tested.
type envelope struct {
	Event string
	Body  json.RawMessage
	Test  bool
}

// Translate reads one delivery, which is one event. A delivery that shows a contact becomes a fact about it, the
// contact's own events and calls and messages alike: they embed the full contact. Aloware sends no id and no time, so
// the fact has no key (every delivery is its own event) and counts from its receipt. What is not understood is Raw.
func (c *Client) Translate(d adapters.Delivery) ([]adapters.Arrival, error) {
	if !json.Valid(d.Body) {
		return nil, &adapters.Rejection{Status: http.StatusBadRequest, Reason: "the body is not JSON"}
	}
	body := bytes.ToValidUTF8(d.Body, []byte("\ufffd"))
	received := d.ReceivedAt
	if received.IsZero() {
		received = c.clock()
	}
	env, ok := readEnvelope(body)
	if !ok {
		return []adapters.Arrival{unread(received, "", "it is not an object with event and body", body)}, nil
	}
	if env.Test {
		return []adapters.Arrival{{Ignored: true, OccurredAt: received.UnixMicro()}}, nil
	}
	return env.arrivals(received, body), nil
}

func readEnvelope(body []byte) (envelope, bool) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return envelope{}, false
	}
	env := envelope{Event: scalar(fields["event"]), Body: fields["body"]}
	if env.Event == "" && env.Body == nil {
		env.Test = canonical(domain.Bool, scalar(fields["test_payload"])) == "true"
		// A contact without an envelope is still a contact.
		env.Body = body
	}
	return env, true
}

// arrivals makes the fact, and of a disposed call one of the call as well, or keeps the whole delivery raw.
func (e envelope) arrivals(received time.Time, whole []byte) []adapters.Arrival {
	raw, kind := e.contact()
	call, disposed := e.activity(received)
	switch {
	case raw == nil && !call.Record.IsZero():
		return []adapters.Arrival{call}
	case raw == nil:
		return []adapters.Arrival{unread(received, e.Event, "it is an event of an unknown type and shows no contact", whole)}
	}
	seen, err := readContact(raw)
	if errors.Is(err, errNoID) {
		return []adapters.Arrival{unread(received, e.Event, "its contact has no usable id", whole)}
	}
	if err != nil {
		return []adapters.Arrival{unread(received, e.Event, err.Error(), whole)}
	}
	out := []adapters.Arrival{e.fact(seen, kind, received)}
	if disposed {
		call.Record, call.Account = seen.record, out[0].Account
		out = append(out, call)
	}
	return out
}

func (e envelope) fact(seen contact, kind string, received time.Time) adapters.Arrival {
	at := received.UnixMicro()
	return adapters.Arrival{
		Type: kind, Record: seen.record, OccurredAt: at, Account: scalar(seen.properties["company_id"]),
		Fact: domain.Fact{
			Via: "webhook", Properties: seen.properties, Complete: seen.complete(), Clock: at, Vendor: e.Event,
			Origin: domain.Origin{Source: scalar(seen.properties["intake_source"])},
		},
	}
}

// contact finds the contact in the body and the type of the fact: none when the event shows no contact.
func (e envelope) contact() (json.RawMessage, string) {
	var body map[string]json.RawMessage
	if json.Unmarshal(e.Body, &body) != nil || body == nil {
		return nil, ""
	}
	nested := object(body["contact"])
	if nested == nil {
		nested = nestedContact(body["communication"])
	}
	if match := contactEvent.FindStringSubmatch(e.Event); match != nil {
		kind := domain.RecordUpdated
		if strings.EqualFold(match[1], "created") {
			kind = domain.RecordCreated
		}
		if nested != nil {
			return nested, kind
		}
		return e.Body, kind
	}
	if nested != nil {
		return nested, domain.RecordUpdated
	}
	if looksLikeContact(body) {
		return e.Body, domain.RecordUpdated
	}
	return nil, ""
}

// looksLikeContact tells a contact from a call or a message, which have a phone too: the line's, beside the lead's.
func looksLikeContact(body map[string]json.RawMessage) bool {
	_, lead := body["lead_number"]
	_, direction := body["direction"]
	return scalar(body["phone_number"]) != "" && !lead && !direction
}

func nestedContact(communication json.RawMessage) json.RawMessage {
	var inner map[string]json.RawMessage
	if json.Unmarshal(communication, &inner) != nil {
		return nil
	}
	return object(inner["contact"])
}

func object(raw json.RawMessage) json.RawMessage {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return raw
}

func unread(received time.Time, vendor, reason string, body []byte) adapters.Arrival {
	return adapters.Arrival{
		Type: domain.SourceRaw, OccurredAt: received.UnixMicro(),
		Raw: &domain.Raw{System: domain.Aloware, Vendor: vendor, Reason: reason, Body: body},
	}
}
