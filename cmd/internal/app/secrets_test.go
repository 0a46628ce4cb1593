package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
)

// buffer is a log that may be written by many at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestNothingPersonalInTheLog: whatever goes wrong, the program's own log names no person and gives no secret away.
func TestNothingPersonalInTheLog(t *testing.T) {
	t.Parallel()
	var out buffer
	people := sandboxkit.People(13, 8)
	faults := sandboxkit.Faults{Seed: 13, FailRate: 0.1, FailAfterCommitRate: 0.1, WebhookDuplicates: 0.3, Shuffle: true}
	r := start(t, plan{
		people: people, hubspot: faults, aloware: faults,
		logger: slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		config: func(c *app.Config) {
			c.HubSpot.AccessToken, c.Aloware.APIToken, c.APIToken = "hs-access-token", "aw-api-token", "duo-api-token"
		},
	})
	r.baseline()
	sandboxkit.Traffic{
		Aloware: r.aloware, HubSpot: r.hubspot, Seed: 13, CreateShare: 0.2, FirstPerson: len(people),
	}.Do(25)
	bad := "[" + item(portal, "501", "31", "Ada") + `,{"email":"ada@people.example"}]`
	r.post(hubspotPath, bad, r.signed(bad, time.Now()))
	r.post(hubspotPath+"?token=query-secret", bad, r.signed(bad, time.Now()))
	r.post(alowarePath, `{"phone_number":"`+adaPhone+`"`, map[string]string{"Authorization": "Bearer wrong-secret"})
	r.settle()
	for _, phone := range []string{"%2B" + adaPhone[1:], adaPhone[2:], "x" + adaPhone[2:]} {
		status, _ := r.request(http.MethodGet, r.url+"/v1/connections/default/routing/deal-owner?phone="+phone, "duo-api-token", nil)
		if status != http.StatusOK && status != http.StatusBadRequest {
			t.Errorf("routing: %d", status)
		}
	}

	text := out.String()
	if len(text) < 1000 {
		t.Errorf("the log has %d bytes: is it on?", len(text))
	}
	for what, values := range r.private() {
		for _, v := range values {
			if i := strings.Index(text, v); i >= 0 {
				t.Errorf("the log shows a %s: %s", what, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// private lists what must not be logged.
func (r *rig) private() map[string][]string {
	out := map[string][]string{
		"secret": {"hs-access-token", "aw-api-token", "duo-api-token", "query-secret", "wrong-secret", `"sandbox"`},
		"email":  {"people.example", "people%40"},
		"number": {adaPhone[2:]},
	}
	for _, c := range r.aloware.All() {
		out["number"] = append(out["number"], c.Properties["phone_number"][2:])
	}
	for _, c := range r.hubspot.All() {
		if v := c.Properties["address"]; v != "" {
			out["street"] = append(out["street"], v)
		}
	}
	return out
}
