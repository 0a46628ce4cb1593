package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
)

const phone = "+14155550142"

type client struct {
	*sandbox.Sandbox
	t   *testing.T
	url string
}

func open(t *testing.T, cfg sandbox.Config) client {
	t.Helper()
	box := sandbox.New(cfg)
	t.Cleanup(box.Close)
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	return client{Sandbox: box, t: t, url: server.URL}
}

// do sends a request and returns the status and the body.
func (c client) do(method, path string, body any) (int, string) {
	c.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (c client) forms(values map[string]any) (int, string) {
	c.t.Helper()
	if _, set := values["api_token"]; !set {
		values["api_token"] = "any"
	}
	return c.do(http.MethodPost, "/api/v1/webhook/forms", values)
}

func (c client) lookup(number string) (int, map[string]any) {
	c.t.Helper()
	q := url.Values{"api_token": {"any"}, "phone_number": {number}}
	status, body := c.do(http.MethodGet, "/api/v1/webhook/contact/phone-number?"+q.Encode(), nil)
	var out map[string]any
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		c.t.Fatalf("%q: %v", body, err)
	}
	return status, out
}

func TestFormsIsAnUpsertByPhone(t *testing.T) {
	c := open(t, sandbox.Config{})
	status, body := c.forms(map[string]any{"phone_number": "415 555 0142", "first_name": " Zoë  Ann "})
	if status != 200 {
		t.Fatal(status, body)
	}
	status, body = c.forms(map[string]any{"phone_number": phone, "first_name": "Bob"})
	if status != http.StatusConflict || !strings.Contains(body, "already exists") {
		t.Fatal(status, body)
	}
	if _, shown := c.lookup(phone); shown["first_name"] != "Zoë Ann" || shown["intake_source"] != "form-capture" {
		t.Fatalf("%v", shown)
	}
	for range 2 {
		status, body = c.forms(map[string]any{"phone_number": phone, "city": "Elko", "force_update": 1})
		if status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	_, shown := c.lookup("4155550142")
	if shown["cnam_city"] != "Elko" || shown["first_name"] != "Zoë Ann" || shown["city"] != nil {
		t.Errorf("%v", shown)
	}
	if s := c.Stats(); s.Contacts != 1 || s.Writes != 3 || s.Posts != 4 || c.All()[0].Notifications != 3 {
		t.Errorf("%+v", s)
	}
}

func TestAPhoneThatMovedMakesADuplicate(t *testing.T) {
	c := open(t, sandbox.Config{})
	id, err := c.Create(map[string]any{"phone_number": phone}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Edit(id, map[string]any{"phone_number": "+14155550143"}); err != nil {
		t.Fatal(err)
	}
	if status, shown := c.lookup(phone); status != http.StatusNotFound || shown["error"] != "Contact not found." {
		t.Fatal(status, shown)
	}
	if got, _ := c.Contact(id); got.Properties["phone_number"] != "+14155550143" {
		t.Error("the contact lost its id or its new phone")
	}
	c.forms(map[string]any{"phone_number": phone, "force_update": true})
	if s := c.Stats(); s.Contacts != 2 {
		t.Errorf("%d contacts", s.Contacts)
	}
	if err := c.Edit(id, map[string]any{"phone_number": phone}); err == nil {
		t.Error("a taken phone was accepted")
	}
}

func TestFormsRefuses(t *testing.T) {
	c := open(t, sandbox.Config{Token: "right", Custom: []string{"gender"}})
	for name, tt := range map[string]struct {
		values map[string]any
		status int
		says   string
	}{
		"no token":      {map[string]any{"api_token": ""}, 401, "Unauthenticated"},
		"wrong token":   {map[string]any{"api_token": "wrong"}, 401, "Unauthenticated"},
		"no phone":      {map[string]any{}, 400, "empty or invalid"},
		"short phone":   {map[string]any{"phone_number": "555-0142"}, 400, "empty or invalid"},
		"American date": {map[string]any{"phone_number": phone, "date_of_birth": "02/03/1980"}, 422, `"date_of_birth"`},
		"email":         {map[string]any{"phone_number": phone, "email": "ann@"}, 422, `"email"`},
		"owner":         {map[string]any{"phone_number": phone, "user_id": "Ann"}, 422, `"user_id"`},
		"truth":         {map[string]any{"phone_number": phone, "is_dnc": "perhaps"}, 422, `"is_dnc"`},
		"force":         {map[string]any{"phone_number": phone, "force_update": "perhaps"}, 422, `"force_update"`},
		"an object":     {map[string]any{"phone_number": phone, "gender": map[string]any{}}, 422, `"gender"`},
	} {
		if _, set := tt.values["api_token"]; !set {
			tt.values["api_token"] = "right"
		}
		status, body := c.forms(tt.values)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if s := c.Stats(); s.Contacts != 0 || s.Writes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestUnknownPathsAnswerAWebPage(t *testing.T) {
	c := open(t, sandbox.Config{})
	for _, path := range []string{"/", "/api/v1/contacts", "/api/v1/webhook/contacts?api_token=any"} {
		if status, body := c.do(http.MethodGet, path, nil); status != 200 || !strings.HasPrefix(body, "<!doctype html>") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestRateLimit(t *testing.T) {
	c := open(t, sandbox.Config{Faults: sandboxkit.Faults{RateLimit: 2}})
	for range 2 {
		if status, _ := c.lookup(phone); status != http.StatusNotFound {
			t.Fatal(status)
		}
	}
	if status, _ := c.lookup(phone); status != http.StatusTooManyRequests {
		t.Fatal(status)
	}
}

// inbox receives webhooks and answers the status.
type inbox struct {
	mu     sync.Mutex
	status int
	auth   []string
	bodies []string
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.auth = append(in.auth, r.Header.Get("Authorization"))
	in.bodies = append(in.bodies, string(body))
	w.WriteHeader(in.status)
}

func deliver(t *testing.T, cfg sandbox.Config, status int) (client, *inbox) {
	t.Helper()
	in := &inbox{status: status}
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	cfg.WebhooksTo = server.URL
	c := open(t, cfg)
	if _, err := c.Create(map[string]any{"phone_number": phone, "first_name": "Ann"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := c.Quiesce(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, in
}

func TestWebhooks(t *testing.T) {
	interval := sandboxkit.Faults{RetryInterval: time.Millisecond}
	t.Run("delivered once, with the token", func(t *testing.T) {
		c, in := deliver(t, sandbox.Config{WebhookToken: "w", EventNames: map[string]string{"Created": "cc"}}, 200)
		if len(in.bodies) != 1 || in.auth[0] != "Bearer w" || !strings.Contains(in.bodies[0], `"event":"cc"`) {
			t.Errorf("%v %v", in.auth, in.bodies)
		}
		if d := c.Stats().Webhooks; d.Delivered != 1 || len(d.NeverDelivered) != 0 {
			t.Errorf("%+v", d)
		}
	})
	t.Run("basic", func(t *testing.T) {
		_, in := deliver(t, sandbox.Config{WebhookBasic: "u:p"}, 200)
		if in.auth[0] != "Basic dTpw" {
			t.Errorf("%v", in.auth)
		}
	})
	t.Run("never again after a failure", func(t *testing.T) {
		c, in := deliver(t, sandbox.Config{Faults: interval}, 500)
		d := c.Stats().Webhooks
		if len(in.bodies) != 1 || len(d.NeverDelivered) != 1 || d.NeverDelivered[0] != "Contact-Created 90001" {
			t.Errorf("%d deliveries, %+v", len(in.bodies), d)
		}
	})
	t.Run("again when told to", func(t *testing.T) {
		faults := interval
		faults.Retries = 3
		if _, in := deliver(t, sandbox.Config{Faults: faults}, 500); len(in.bodies) != 4 {
			t.Errorf("%d deliveries", len(in.bodies))
		}
	})
	t.Run("lost", func(t *testing.T) {
		c, in := deliver(t, sandbox.Config{Faults: sandboxkit.Faults{WebhookLoss: 1}}, 200)
		if len(in.bodies) != 0 || len(c.Stats().Webhooks.NeverDelivered) != 1 {
			t.Errorf("%v", in.bodies)
		}
	})
	t.Run("twice", func(t *testing.T) {
		faults := interval
		faults.WebhookDuplicates = 1
		if _, in := deliver(t, sandbox.Config{Faults: faults}, 200); len(in.bodies) != 2 || in.bodies[0] != in.bodies[1] {
			t.Errorf("%v", in.bodies)
		}
	})
}

// TestControl does over HTTP what people do in Aloware's screens.
func TestControl(t *testing.T) {
	c := open(t, sandbox.Config{})
	for _, tt := range []struct {
		do     string
		body   map[string]any
		status int
		says   string
	}{
		{"create", map[string]any{"properties": map[string]any{"phone_number": phone}}, 200, `"id":"90001"`},
		{"create", map[string]any{"properties": map[string]any{"phone_number": phone}}, 409, "another contact"},
		{"create", map[string]any{"properties": map[string]any{"city": "Reno"}}, 409, "needs a phone"},
		{"edit", map[string]any{"id": "90001", "properties": map[string]any{"city": "Elko"}}, 200, "90001"},
		{"edit", map[string]any{"id": "1", "properties": map[string]any{"city": "Elko"}}, 409, "no such contact"},
		{"edit", map[string]any{"id": "90001", "properties": map[string]any{"email": "x"}}, 409, "email is not valid"},
		{"call", map[string]any{"phone": "+14155550143", "missed": true}, 200, `"id":"90002"`},
		{"delete", map[string]any{"id": "90002"}, 200, "90002"},
		{"delete", map[string]any{"id": "90002"}, 409, "no such contact"},
		{"quiesce", nil, 200, "id"},
		{"target", map[string]any{"target": ""}, 200, "id"},
	} {
		if status, body := c.do(http.MethodPost, "/_sandbox/"+tt.do, tt.body); status != tt.status ||
			!strings.Contains(body, tt.says) {
			t.Errorf("%s %v: %d %s", tt.do, tt.body, status, body)
		}
	}
	if _, body := c.do(http.MethodGet, "/_sandbox/contacts", nil); !strings.Contains(body, `"cnam_city":"Elko"`) {
		t.Error(body)
	}
	if _, body := c.do(http.MethodGet, "/_sandbox/stats", nil); !strings.Contains(body, `"contacts":1`) {
		t.Error(body)
	}
}

func TestTrafficAndPeople(t *testing.T) {
	c := open(t, sandbox.Config{})
	people := sandboxkit.People(1, 40)
	if err := c.Seed(people); err != nil {
		t.Fatal(err)
	}
	known := len(c.IDs())
	r := sandboxkit.Traffic{Aloware: c, HubSpot: c, Seed: 1, CreateShare: 0.2, FirstPerson: len(people)}.Do(100)
	if r.Failed != 0 || len(c.IDs()) != known+r.Creates {
		t.Errorf("%+v, %d contacts", r, len(c.IDs()))
	}
}
