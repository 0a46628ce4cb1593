package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
)

// hook is one webhook event as received.
type hook struct {
	Type     string `json:"subscriptionType"`
	Object   int64  `json:"objectId"`
	Name     string `json:"propertyName"`
	Value    string `json:"propertyValue"`
	Source   string `json:"changeSource"`
	SourceID string `json:"sourceId"`
	Attempt  int    `json:"attemptNumber"`
	At       int64  `json:"occurredAt"`
	EventID  int64  `json:"eventId"`
	New      int64  `json:"newObjectId"`
}

// receiver checks and collects webhooks; the first refuse requests are answered 500.
type receiver struct {
	mu     sync.Mutex
	refuse int
	hooks  []hook
	sizes  []int
}

func receive(t *testing.T, p portal, refuse int) *receiver {
	t.Helper()
	r := &receiver{refuse: refuse}
	verify, err := hubspot.New(hubspot.Config{Token: "t", WebhookSecret: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if err := verify.Authenticate(adapters.Delivery{
			Method: req.Method, URL: server.URL + req.URL.Path, Header: req.Header, Body: body, ReceivedAt: time.Now(),
		}); err != nil {
			t.Errorf("webhook: %v", err)
		}
		r.take(w, body)
	}))
	t.Cleanup(server.Close)
	p.SetTarget(server.URL + "/webhooks/hubspot")
	return r
}

func (r *receiver) take(w http.ResponseWriter, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []hook
	if err := json.Unmarshal(body, &list); err != nil || r.refuse > 0 {
		r.refuse--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.hooks = append(r.hooks, list...)
	r.sizes = append(r.sizes, len(list))
}

func (r *receiver) quiet(t *testing.T, p portal) []hook {
	t.Helper()
	if err := p.Quiesce(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hooks
}

func create(t *testing.T, p portal, props map[string]string) string {
	t.Helper()
	id, err := p.Create(props, "7")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWebhooksOfAChange(t *testing.T) {
	p := open(t, sandbox.Config{})
	r := receive(t, p, 0)
	id := create(t, p, map[string]string{"email": "a@x.example", "city": "Rome"})
	if err := p.Edit(id, map[string]string{"city": "Rome"}, "7"); err != nil { // changes nothing
		t.Fatal(err)
	}
	p.want(200, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":"Berlin","email":"A@x.example"}}`)
	var got []string
	var times []int64
	for _, h := range r.quiet(t, p) {
		got = append(got, fmt.Sprintf("%s %s=%s by %s %s", h.Type, h.Name, h.Value, h.Source, h.SourceID))
		times = append(times, h.At)
	}
	want := []string{
		"contact.creation = by CRM_UI userId:7",
		"contact.propertyChange city=Rome by CRM_UI userId:7",
		"contact.propertyChange email=a@x.example by CRM_UI userId:7",
		"contact.propertyChange city=Berlin by INTEGRATION 900100",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %q\nwant %q", got, want)
	}
	if times[3] <= times[0] {
		t.Error("a later change has no later time")
	}
}

func TestWebhooksOfAMerge(t *testing.T) {
	p := open(t, sandbox.Config{})
	a := create(t, p, map[string]string{"email": "a@x.example"})
	b := create(t, p, map[string]string{"email": "b@x.example"})
	r := receive(t, p, 0)
	survivor, err := p.Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	got := r.quiet(t, p)
	if len(got) != 3 || got[0].Type != "contact.merge" || fmt.Sprint(got[0].New) != survivor {
		t.Fatalf("%+v", got)
	}
	for i, id := range []string{a, b} {
		if got[1+i].Type != "contact.deletion" || fmt.Sprint(got[1+i].Object) != id {
			t.Errorf("%+v, want the deletion of %s", got[1+i], id)
		}
	}
}

// TestRedelivery: a refused batch comes again, the same but for attemptNumber.
func TestRedelivery(t *testing.T) {
	p := open(t, sandbox.Config{Faults: sandboxkit.Faults{Retries: 5, RetryInterval: 5 * time.Millisecond}})
	r := receive(t, p, 2)
	create(t, p, map[string]string{"email": "a@x.example"})
	got := r.quiet(t, p)
	if len(got) != 2 || p.Deliveries().Failed < 2 || len(p.Deliveries().NeverDelivered) != 0 {
		t.Fatalf("%+v, %+v", got, p.Deliveries())
	}
	again := 0
	for _, h := range got {
		again = max(again, h.Attempt)
	}
	if again == 0 {
		t.Error("nothing tells that it was delivered again")
	}
}

func TestNeverDelivered(t *testing.T) {
	p := open(t, sandbox.Config{Faults: sandboxkit.Faults{Retries: 1, RetryInterval: time.Millisecond}})
	r := receive(t, p, 1000)
	id := create(t, p, map[string]string{"email": "a@x.example"})
	r.quiet(t, p)
	want := fmt.Sprintf("[contact.creation %s contact.propertyChange %s]", id, id)
	if got := p.Deliveries().NeverDelivered; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestBatchesOutOfOrder: many changes come in batches of at most 100, shuffled, some twice, none lost.
func TestBatchesOutOfOrder(t *testing.T) {
	p := open(t, sandbox.Config{Faults: sandboxkit.Faults{
		Seed: 3, Shuffle: true, WebhookDuplicates: 0.2, RetryInterval: time.Millisecond,
	}})
	r := receive(t, p, 0)
	for i := range 300 {
		create(t, p, map[string]string{"email": fmt.Sprintf("p%d@x.example", i)})
	}
	got := r.quiet(t, p)
	events, inOrder := map[int64]int{}, true
	for i, h := range got {
		events[h.EventID]++
		inOrder = inOrder && (i == 0 || got[i-1].EventID <= h.EventID)
	}
	if len(events) != 600 || len(got) < 660 || len(got) > 780 || inOrder {
		t.Errorf("%d events, %d deliveries, in order: %v", len(events), len(got), inOrder)
	}
	for _, n := range r.sizes {
		if n > 100 {
			t.Errorf("%d events in a request", n)
		}
	}
	if d := p.Deliveries(); d.Delivered != len(got) || d.Pending != 0 {
		t.Errorf("%+v", d)
	}
}

func TestSeedTellsNothing(t *testing.T) {
	p := open(t, sandbox.Config{})
	r := receive(t, p, 0)
	if err := p.Seed(sandboxkit.People(1, 50)); err != nil {
		t.Fatal(err)
	}
	if got := r.quiet(t, p); len(got) != 0 || p.Stats().Contacts != 50 || p.Writes() != 0 {
		t.Errorf("%d webhooks, %+v", len(got), p.Stats())
	}
}
