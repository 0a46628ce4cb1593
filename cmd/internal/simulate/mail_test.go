package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/domain"
)

// letter is one webhook event on its way.
type letter struct {
	number   int
	system   domain.System
	record   domain.Record
	body     []byte // an item of HubSpot without its attemptNumber, or a delivery of Aloware's
	attempts int
	at       time.Time
	hidden   bool // not to be delivered for now
}

func (l *letter) String() string { return fmt.Sprintf("#%d %s %s", l.number, l.record, l.brief()) }

// brief says what the letter tells.
func (l *letter) brief() string {
	var e struct {
		Kind  string          `json:"subscriptionType"`
		Name  string          `json:"propertyName"`
		Value json.RawMessage `json:"propertyValue"`
		Event string          `json:"event"`
		Body  struct {
			First   string `json:"first_name"`
			Company string `json:"company_name"`
			City    string `json:"cnam_city"`
		} `json:"body"`
	}
	_ = json.Unmarshal(l.closed(), &e)
	if l.system == domain.Aloware {
		return fmt.Sprintf("%s %q %q %q", e.Event, e.Body.First, e.Body.Company, e.Body.City)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.Name, e.Value))
}

// closed is the item as JSON.
func (l *letter) closed() []byte {
	if l.system == domain.Aloware {
		return l.body
	}
	return slices.Concat(l.body, []byte(`,"attemptNumber":`+strconv.Itoa(l.attempts)+"}"))
}

// postman takes the sandboxes' webhooks into the mail; the world delivers them.
type postman struct{ w *world }

func (p postman) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if strings.Contains(req.URL.Path, "/hubspot/") {
		var items []json.RawMessage
		if err := json.Unmarshal(body, &items); err != nil {
			return nil, err
		}
		for _, it := range items {
			p.w.post(domain.HubSpot, bytes.TrimSuffix(it, []byte(`,"attemptNumber":0}`)))
		}
	} else {
		p.w.post(domain.Aloware, body)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: req}, nil
}

func (w *world) post(system domain.System, body []byte) {
	l := &letter{system: system, body: body, at: time.Now()}
	var about struct {
		Object  json.Number `json:"objectId"`
		Survive json.Number `json:"newObjectId"`
		Body    struct {
			ID json.Number `json:"id"`
		} `json:"body"`
	}
	_ = json.Unmarshal(l.closed(), &about)
	l.record = domain.Record{System: system, ID: about.Object.String() + about.Body.ID.String()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters++
	l.number = w.letters
	w.mail = append(w.mail, l)
}

// deliver brings letters of one system, in one request where the system sends them so, to a process. What is not
// taken in goes back into the mail, or is lost where the sender does not come again.
func (w *world) deliver(n *node, letters ...*letter) {
	system := letters[0].system
	d := adapters.Delivery{
		Method: http.MethodPost, URL: "http://duolog.test/webhooks/" + string(system) + "/default",
		Header: http.Header{"Content-Type": {"application/json"}}, ReceivedAt: time.Now(),
	}
	if system == domain.Aloware {
		d.Body = letters[0].body
		d.Header.Set("Authorization", "Bearer "+secret)
	} else {
		items := make([]json.RawMessage, len(letters))
		for i, l := range letters {
			items[i] = l.closed()
		}
		var err error
		d.Body, err = json.Marshal(items)
		w.must(err)
		at := strconv.FormatInt(d.ReceivedAt.UnixMilli(), 10)
		d.Header.Set("X-HubSpot-Request-Timestamp", at)
		d.Header.Set("X-HubSpot-Signature-v3", hubspotbox.Sign(secret, http.MethodPost, d.URL, d.Body, at))
	}
	again, before := 0, w.head(n)
	for _, l := range letters {
		if system == domain.HubSpot && l.attempts > 0 {
			again++
		}
	}
	_, err := n.inlets[system].Receive(context.Background(), d)
	w.must(err)
	if stored := w.head(n) - before; stored > int64(len(letters)-again) {
		w.fail("taken in twice", "%d webhooks, %d of them delivered before, are %d events", len(letters), again, stored)
	}
	for _, l := range letters {
		w.note("delivered to %s: %s", n.name, l)
		l.attempts++
		w.told(l)
	}
	w.mu.Lock()
	w.mail = slices.DeleteFunc(w.mail, func(l *letter) bool { return slices.Contains(letters, l) })
	w.mu.Unlock()
	for _, l := range letters {
		if !slices.Contains(w.old, l) {
			w.old = append(w.old, l)
		}
	}
	w.rest()
	w.grown()
}

// head is where the log ends.
func (w *world) head(n *node) int64 {
	h, err := n.app.Log.Head(context.Background())
	w.must(err)
	return h.Position
}

// inbox is the letters under way: senders put them there while the world looks elsewhere.
func (w *world) inbox() []*letter {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.mail), func(l *letter) bool { return l.hidden })
}
