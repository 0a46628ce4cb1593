package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// The contact events. Nobody has published their wire names; these follow those that are known, such as Call-Disposed.
const (
	Created    = "Contact-Created"
	Updated    = "Contact-Updated"
	Disposed   = "Contact-Disposed"
	DNCUpdated = "Contact-DNC-Updated"
)

// CallDisposed is a measured name.
const CallDisposed = "Call-Disposed"

func (s *Sandbox) wireName(event string) string {
	keys := map[string]string{
		Created: "Created", Updated: "Updated", Disposed: "Disposed", DNCUpdated: "DNCUpdated",
	}
	if name := s.cfg.EventNames[keys[event]]; name != "" {
		return name
	}
	return event
}

// announce queues a webhook with the contact as it is now. It needs the lock.
func (s *Sandbox) announce(event string, c *contact) { s.queue(s.wireName(event), c.id, c.shown) }

func (s *Sandbox) queue(event, id string, body any) {
	raw, err := json.Marshal(map[string]any{"event": event, "body": body})
	if err != nil {
		panic("sandbox: an event did not marshal: " + err.Error())
	}
	s.sender.Enqueue(sandboxkit.Event{Label: event + " " + id, Body: raw})
}

// request makes the delivery of one event.
func (s *Sandbox) request(ctx context.Context, target string, events []sandboxkit.Event) (*http.Request, error) {
	if len(events) != 1 {
		return nil, errors.New("aloware delivers one event at a time")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(events[0].Body))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "GuzzleHttp/7")
	user, password, _ := strings.Cut(s.cfg.WebhookBasic, ":")
	switch {
	case s.cfg.WebhookToken != "":
		req.Header.Set("Authorization", "Bearer "+s.cfg.WebhookToken)
	case s.cfg.WebhookBasic != "":
		req.SetBasicAuth(user, password)
	}
	return req, nil
}

// TestWebhook queues the delivery Aloware makes when a webhook is saved or tested.
func (s *Sandbox) TestWebhook() {
	s.sender.Enqueue(sandboxkit.Event{Label: "test", Body: json.RawMessage(`{"test_payload":true}`)})
}

// Call makes an inbound call from a number. A caller Aloware does not know becomes a contact. The webhook of the call
// embeds the whole contact. It returns the contact's id.
func (s *Sandbox) Call(number string, missed bool) (string, error) {
	event, status := "InboundPhoneCall-DispositionCompleted", 4
	if missed {
		event, status = "InboundPhoneCall-DispositionMissed", 3
	}
	return s.communicate(number, event, "voip-call", map[string]any{"type": 1, "disposition_status2": status},
		"inbound_call_count")
}

// Text makes an inbound text message from a number, as Call does.
func (s *Sandbox) Text(number string) (string, error) {
	return s.communicate(number, "InboundSMS-DispositionCompleted", "voip-sms",
		map[string]any{"type": 2, "disposition_status2": 4}, "inbound_sms_count")
}

func (s *Sandbox) communicate(number, event, intake string, body map[string]any, counter string) (string, error) {
	phone, ok := e164(number)
	if !ok {
		return "", errors.New("the phone is not valid")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contacts[s.phones[phone]]
	if c == nil {
		c = s.blank(phone, intake)
		s.insert(c)
	}
	for _, name := range []string{counter, "nb_communications"} {
		n, _ := c.shown[name].(int)
		c.shown[name] = n + 1
	}
	c.shown["last_engagement_at"] = s.now()
	s.lastCall++
	c.lastCall, c.lastCallAt = s.lastCall, s.now()
	s.tell(event, c, body)
	return c.id, nil
}

// tell queues the webhook of a contact's last communication. It needs the lock.
func (s *Sandbox) tell(event string, c *contact, body map[string]any) {
	body["id"], body["direction"], body["lead_number"] = c.lastCall, 1, c.phone()
	body["contact_id"], body["contact"], body["created_at"] = c.shown["id"], c.shown, c.lastCallAt
	s.queue(event, c.id, body)
}

// Disposal is what an agent chooses when a call is over.
type Disposal struct {
	Outcome      int    `json:"outcome"` // id of a call disposition
	Label        string `json:"label"`
	ActivityType string `json:"activity_type"`
	User         int    `json:"user"`
}

// DisposeCall has an agent dispose the last call of the contact with a number. The webhook restates the call, as the
// one measured did; that the disposition's name and the HubSpot type come with its id is an assumption.
func (s *Sandbox) DisposeCall(number string, d Disposal) (string, error) {
	phone, ok := e164(number)
	if !ok {
		return "", errors.New("the phone is not valid")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contacts[s.phones[phone]]
	if c == nil || c.lastCall == 0 {
		return "", errors.New("nobody with this phone has called")
	}
	body := map[string]any{
		"type": 1, "disposition_status2": 4, "talk_time": 63, "user_id": d.User, "call_disposition_id": d.Outcome,
		"call_disposition": map[string]any{"id": d.Outcome, "name": d.Label},
	}
	if d.ActivityType != "" {
		body["hubspot_activity_type"] = d.ActivityType
	}
	s.tell(CallDisposed, c, body)
	return c.id, nil
}
