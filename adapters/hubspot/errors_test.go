package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		retryAfter string
		class      adapters.Class
		reason     string
		after      time.Duration
	}{
		{"window", `{"policyName":"TEN_SECONDLY_ROLLING"}`, 429, "", adapters.Throttled, "", waitWindow},
		{"search", `{"message":"You have reached your secondly limit."}`, 429, "", adapters.Throttled, "", time.Second},
		{"day", `{"policyName":"DAILY","errorType":"RATE_LIMIT"}`, 429, "", adapters.Throttled, "", waitDay},
		{"day by its text", `{"message":"You have reached your daily limit."}`, 429, "", adapters.Throttled, "", waitDay},
		{"told", `{}`, 429, "7", adapters.Throttled, "", 7 * time.Second},
		{"told too much", `{}`, 429, "999999999", adapters.Throttled, "", maxWaitTold},
		{"told nonsense", `{}`, 429, "soon", adapters.Throttled, "", waitWindow},
		{"portal moves", ``, 477, "3600", adapters.Throttled, "", time.Hour},
		{"lock", `{}`, 423, "", adapters.Retry, "", waitLock},
		{"page of a proxy", `<html>`, 502, "", adapters.Retry, "", waitServer},
		{"cloudflare", ``, 523, "", adapters.Retry, "", waitServer},
		{"no token", `{"category":"INVALID_AUTHENTICATION"}`, 401, "", adapters.Unauthorized, "", 0},
		{"no scope", `{"category":"MISSING_SCOPES"}`, 403, "", adapters.Unauthorized, "", 0},
		{"gone", `{"category":"OBJECT_NOT_FOUND"}`, 404, "", adapters.Rejected, domain.ReasonGone, 0},
		{"invalid", `{"category":"VALIDATION_ERROR"}`, 400, "", adapters.Rejected, domain.ReasonInvalid, 0},
	} {
		h := http.Header{}
		if tt.retryAfter != "" {
			h.Set("Retry-After", tt.retryAfter)
		}
		e := classify(tt.status, h, []byte(tt.body)).cause
		if e.Class != tt.class || e.Reason != tt.reason || e.After != tt.after || e.Status != tt.status {
			t.Errorf("%s: %+v", tt.name, e)
		}
		if refused := tt.class == adapters.Throttled || tt.class == adapters.Unauthorized; e.Unsent != refused {
			t.Errorf("%s: unsent %v", tt.name, e.Unsent)
		}
	}
}

func TestFaults(t *testing.T) {
	p := problem{Message: `Property values were not valid: [{"isValid":false,"message":"ann@x is bad","error":` +
		`"INVALID_EMAIL","name":"email"},{"error":"not a code","name":"seats"}]`}
	got := p.faults()
	if len(got) != 2 || got[0] != (fault{"email", "INVALID_EMAIL"}) || got[1] != (fault{"seats", "INVALID"}) {
		t.Fatalf("%+v", got)
	}
	if len((problem{Message: "[no json"}).faults()) != 0 {
		t.Fatal("faults out of nothing")
	}
}

// TestErrorsTellNothingPrivate: HubSpot's messages repeat the values; ours must not.
func TestErrorsTellNothingPrivate(t *testing.T) {
	body := `{"category":"ann@people.example is bad","message":"ann@people.example Existing ID: 5"}`
	for _, status := range []int{400, 401, 403, 404, 409, 429, 500} {
		c, _ := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, status, body) })
		_, err := c.Identify(t.Context())
		if err == nil || strings.Contains(err.Error(), "ann@") {
			t.Errorf("%d: %v", status, err)
		}
		var f *failedCall
		if errors.As(err, &f) {
			t.Errorf("%d: the answer's text leaves the package", status)
		}
	}
}

func TestUnanswered(t *testing.T) {
	c, err := New(Config{Token: "pat-secret", BaseURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(context.Context, time.Duration) error { return nil }
	_, err = c.Identify(t.Context())
	var e *adapters.Error
	if !errors.As(err, &e) || e.Class != adapters.Retry || strings.Contains(err.Error(), "pat-secret") {
		t.Fatalf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = c.Identify(ctx); !errors.As(err, &e) || e.Class != adapters.Retry {
		t.Fatalf("%v", err)
	}
}

func TestAnswerThatIsNoJSON(t *testing.T) {
	c, _ := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, 200, "<!doctype html>") })
	_, err := c.Identify(t.Context())
	var e *adapters.Error
	if !errors.As(err, &e) || e.Class != adapters.Retry {
		t.Fatalf("%v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no access":       {},
		"half of OAuth":   {RefreshToken: "r", ClientID: "c"},
		"another version": {Token: "t", APIVersion: "v2"},
		"no URL":          {Token: "t", BaseURL: "hubspot"},
		"too large share": {Token: "t", Share: 101},
		"negative share":  {Token: "t", Share: -1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// drowsy is the context of a process that stood still: its deadline has passed, and its timer has not run yet.
type drowsy struct{ context.Context }

func (drowsy) Deadline() (time.Time, bool) { return time.Now(), true }

// TestFrozenBeforeRequest: a write whose time is over is not sent, although nobody has told its context.
func TestFrozenBeforeRequest(t *testing.T) {
	c, s := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, 200, `{"results":[]}`) })
	got := c.Write(drowsy{t.Context()}, []adapters.Write{{Record: record("1"), Values: map[string]json.RawMessage{"a": []byte(`"b"`)}}})
	var e *adapters.Error
	if !errors.As(got[0].Err, &e) || e.Class != adapters.Retry || s.count("") != 0 {
		t.Errorf("%v after %d requests, want none, to be tried again", got[0].Err, s.count(""))
	}
}
