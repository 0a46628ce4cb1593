package aloware

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// callDisposed is measured as Call-Disposed; the panel's other box, Communication disposed, was never seen.
var callDisposed = regexp.MustCompile(`(?i)^(call|communication)[-_. ]?disposed`)

// activityTypes are where the HubSpot type an agent chose after a call may stand: its name in webhooks is not
// documented and was not seen, since the accounts measured have no HubSpot connected.
var activityTypes = []string{"hubspot_activity_type", "hubspot_call_type", "activity_type", "call_type"}

// naive is how Aloware writes times: without a zone, in UTC as far as its own screens tell.
const naive = "2006-01-02 15:04:05"

// activity reads what was chosen after a call, with the contact the body names by its id, if it does.
func (e envelope) activity(received time.Time) (adapters.Arrival, bool) {
	var body domain.Properties
	if !callDisposed.MatchString(e.Event) || json.Unmarshal(e.Body, &body) != nil {
		return adapters.Arrival{}, false
	}
	delete(body, "contact") // told by a fact of its own
	named := domain.Properties{"id": body["contact_id"], "phone_number": body["lead_number"]}
	at := received.UnixMicro()
	return adapters.Arrival{
		Type: domain.ActivityObserved, Record: domain.Record{System: domain.Aloware, ID: recordID(named)}, OccurredAt: at,
		Activity: &domain.Activity{
			Via: "webhook", Kind: domain.ActivityCall, ID: scalar(body["id"]), Clock: at, At: began(body["created_at"]),
			Direction: directions[scalar(body["direction"])], Seconds: seconds(body["talk_time"]), User: scalar(body["user_id"]),
			Disposition: choice(body["call_disposition_id"], body["call_disposition"]), Type: activityType(body),
			Vendor: e.Event, Properties: body,
		},
	}, true
}

var directions = map[string]string{"1": "inbound", "2": "outbound"}

func began(raw json.RawMessage) int64 {
	t, err := time.ParseInLocation(naive, scalar(raw), time.UTC)
	if err != nil || t.UnixMicro() < 0 {
		return 0
	}
	return t.UnixMicro()
}

func seconds(raw json.RawMessage) int64 {
	n, err := strconv.ParseInt(scalar(raw), 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// choice reads an id and, beside it, a text or an object with id and name: how call_disposition looks is not
// documented, call_disposition_id was measured.
func choice(id, other json.RawMessage) domain.Choice {
	c := domain.Choice{ID: scalar(id), Label: scalar(other)}
	var named struct {
		ID    json.RawMessage `json:"id"`
		Name  json.RawMessage `json:"name"`
		Label json.RawMessage `json:"label"`
	}
	if json.Unmarshal(bytes.TrimSpace(other), &named) != nil {
		return c
	}
	if c.ID == "" {
		c.ID = scalar(named.ID)
	}
	if c.Label == "" {
		c.Label = scalar(named.Name)
	}
	if c.Label == "" {
		c.Label = scalar(named.Label)
	}
	return c
}

func activityType(body domain.Properties) domain.Choice {
	for _, name := range activityTypes {
		if c := choice(body[name+"_id"], body[name]); !c.IsZero() {
			return c
		}
	}
	return domain.Choice{}
}
