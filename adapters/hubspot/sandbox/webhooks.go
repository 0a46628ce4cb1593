package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// tell queues one webhook event about a record. Only contacts are subscribed to.
func (s *Sandbox) tell(t *table, o *object, kind string, at time.Time, by author, more map[string]any) {
	if t.typeID != "0-1" {
		return
	}
	s.eventID++
	event := map[string]any{
		"eventId": 3_944_863_000 + s.eventID, "subscriptionId": 3_327_050, "portalId": s.number(s.cfg.Portal),
		"appId": s.number(s.cfg.AppID), "occurredAt": at.UnixMilli(), "subscriptionType": "contact." + kind,
		"objectId": o.id, "changeSource": by.source, "sourceId": by.id,
	}
	for name, v := range more {
		event[name] = v
	}
	body, _ := json.Marshal(event) // a map of scalars
	s.sender.Enqueue(sandboxkit.Event{Label: "contact." + kind + " " + idText(o), Body: body})
}

// tellCreated tells of the record without its values, then of each value on its own.
func (s *Sandbox) tellCreated(t *table, o *object, by author) {
	s.tell(t, o, "creation", o.created, by, map[string]any{"changeFlag": "CREATED"})
	s.tellChanged(t, o, sortedKeys(o.values), by)
}

func (s *Sandbox) tellChanged(t *table, o *object, names []string, by author) {
	for _, name := range names {
		if p := t.property(name); p == nil || !p.writable() {
			continue // calculated ones do not fire
		}
		s.tell(t, o, "propertyChange", o.updated, by, map[string]any{
			"propertyName": name, "propertyValue": o.values[name],
		})
	}
}

func (s *Sandbox) tellMerged(t *table, a, b, survivor *object, moved int, by author) {
	s.tell(t, survivor, "merge", survivor.created, by, map[string]any{
		"changeFlag": "MERGED", "primaryObjectId": a.id, "mergedObjectIds": []int64{b.id}, "newObjectId": survivor.id,
		"numberOfPropertiesMoved": moved,
	})
	for _, old := range []*object{a, b} {
		s.tell(t, old, "deletion", survivor.created, by, map[string]any{"changeFlag": "DELETED"})
	}
}

// buildWebhook makes the signed request for a batch of events, signature version 3.
func (s *Sandbox) buildWebhook(ctx context.Context, target string, events []sandboxkit.Event) (*http.Request, error) {
	items := make([]json.RawMessage, len(events))
	for i, e := range events {
		items[i] = slices.Concat(e.Body[:len(e.Body)-1], []byte(`,"attemptNumber":`+strconv.Itoa(e.Attempt)+"}"))
	}
	body, err := json.Marshal(items)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	at := strconv.FormatInt(s.cfg.Clock().UnixMilli(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-HubSpot-Request-Timestamp", at)
	req.Header.Set("X-HubSpot-Signature-v3", Sign(s.cfg.ClientSecret, http.MethodPost, target, body, at))
	return req, nil
}

// Sign makes a version 3 signature over a URL without escapes; at is in milliseconds.
func Sign(secret, method, url string, body []byte, at string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + url))
	mac.Write(body)
	mac.Write([]byte(at))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
