package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

// serve runs the API on a real server; the token "root" is an admin's, "feed" a consumer's.
func serve(t *testing.T, cfg Config) *httptest.Server {
	t.Helper()
	cfg.PublicURL = "https://sync.example.com"
	if cfg.Connection == nil {
		cfg.Connection = func(string) (Connection, bool) { return Connection{}, false }
	}
	if cfg.Authorizer == nil {
		cfg.Authorizer = tokens{
			"root": {Name: "root", Role: Admin}, "feed": {Name: "feed", Role: Consumer},
			"audit": {Name: "audit", Role: Auditor}, "ops": {Name: "ops", Role: Operator},
			"other": {Name: "other", Role: Admin, Connections: []string{"elsewhere"}},
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// tokens is an authorizer in the clear.
type tokens map[string]Identity

func (ts tokens) Identify(_ context.Context, token string) (Identity, bool) {
	who, ok := ts[token]
	return who, ok
}

// call sends a request and returns the answer with its body read.
func call(t *testing.T, srv *httptest.Server, method, path, token, body string) (*http.Response, string) {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, srv.URL+path, r)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(all)
}

// wantProblem checks that the answer is a problem document of the status.
func wantProblem(t *testing.T, resp *http.Response, body string, status int) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != status || p.Status != status {
		t.Errorf("%s %s: %d %s, want a problem %d", resp.Request.Method, resp.Request.URL.Path, resp.StatusCode, body, status)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%s: content type %q", resp.Request.URL.Path, ct)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s may be cached", resp.Request.URL.Path)
	}
	return p
}

func TestDescription(t *testing.T) {
	srv := serve(t, Config{Version: "1.2.3"})
	resp, body := call(t, srv, "GET", "/openapi.json", "", "")
	var doc struct {
		OpenAPI string `json:"openapi"`
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Security    []any
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d: %v", resp.StatusCode, err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Info.Version != "1.2.3" {
		t.Errorf("openapi %q, version %q", doc.OpenAPI, doc.Info.Version)
	}
	open := map[string]bool{
		"receive-hubspot": true, "receive-aloware": true, "healthz": true, "readyz": true,
		"asyncapi": true, "list-schemas": true, "get-schema": true,
	}
	n := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			n++
			if (len(op.Security) == 0) != open[op.OperationID] {
				t.Errorf("%s %s: security %v", method, path, op.Security)
			}
			if op.Responses["default"] == nil {
				t.Errorf("%s %s: describes no problem document", method, path)
			}
			if op.Responses["422"] != nil {
				t.Errorf("%s %s: describes 422, but 400 is answered", method, path)
			}
		}
	}
	if n != 102 {
		t.Errorf("%d operations, want 102", n)
	}
}

func TestTokensAreAskedFor(t *testing.T) {
	srv := serve(t, Config{})
	const feed, mode = "/v1/connections/default/events", "/v1/connections/default/mode"
	for _, tt := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", feed, "", 401},
		{"GET", feed, "wrong", 401},
		{"GET", feed, "feed", 404}, // allowed, and there is no such connection
		{"GET", feed, "other", 403},
		{"GET", "/v1/connections/default/contacts", "feed", 403},
		{"GET", "/v1/connections/default/commands", "feed", 403},
		{"GET", "/v1/connections/default/settings", "feed", 403},
		{"GET", "/v1/connections/default/settings/history", "feed", 403},
		{"GET", "/v1/connections/default/webhooks/rejected", "feed", 403},
		{"POST", "/v1/connections/default/settings/validate", "feed", 403},
		{"POST", "/v1/connections/default/settings", "ops", 403}, // an admin's business
		{"POST", "/v1/connections/default/settings/set", "ops", 403},
		{"POST", "/v1/connections/default/settings/rollback", "audit", 403},
		{"POST", "/v1/connections/default/replay", "ops", 403},
		{"POST", "/v1/connections/default/whatif", "feed", 403},
		{"GET", "/v1/connections/default/settings/impact/2", "ops", 403},
		{"POST", "/v1/connections/default/export", "ops", 403}, // an auditor's
		{"POST", "/v1/connections/default/export", "feed", 403},
		{"GET", "/v1/connections/default/report", "feed", 403},
		{"POST", "/v1/connections/default/contacts/hubspot:512/erase", "ops", 403}, // an admin's business
		{"POST", "/v1/connections/default/contacts/hubspot:512/hold", "audit", 403},
		{"POST", "/v1/connections", "ops", 403}, // an admin's business
		{"GET", "/v1/connections/default/connect", "ops", 403},
		{"POST", "/v1/connections/default/credentials", "audit", 403},
		{"POST", mode, "", 401},
		{"POST", mode, "audit", 403},
		{"POST", mode, "ops", 404},
		{"GET", "/metrics", "", 401},
	} {
		body := ""
		if tt.method == "POST" {
			body = `{"mode":"live","reason":"go"}`
		}
		resp, got := call(t, srv, tt.method, tt.path, tt.token, body)
		wantProblem(t, resp, got, tt.status)
		if (resp.Header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
			t.Errorf("%s %s: WWW-Authenticate %q", tt.method, tt.path, resp.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestBadRequestsEchoNothing(t *testing.T) {
	srv := serve(t, Config{})
	const secret = "jane@example.com"
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/connections/default/events?limit=" + secret, "", 400},
		{"GET", "/v1/connections/default/events?limit=0", "", 400},
		{"GET", "/v1/connections/default/events?limit=10001", "", 400},
		{"GET", "/v1/connections/default/contacts?status=" + secret, "", 400},
		{"GET", "/v1/connections/default/contacts/512?at=" + secret, "", 400},
		{"POST", "/v1/connections/default/contacts/find", `{"text":{"a":"` + secret + `"}}`, 400},
		{"POST", "/v1/connections/default/contacts/find", `{"text": ` + secret, 400},
		{"POST", "/v1/connections/default/contacts/find", `"` + secret + `"`, 400},
		{"POST", "/v1/connections/default/contacts/find", "", 400},
		{"POST", "/v1/connections/default/mode", `{"mode":"` + secret + `","reason":"go"}`, 400},
		{"POST", "/v1/connections/default/mode", `{"mode":"live"}`, 400},
		{"POST", "/v1/connections/default/pause", `{"reason":""}`, 400},
		{"POST", "/v1/connections/default/contacts/find", `{"text":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		{"GET", "/nowhere/" + secret, "", 404},
		{"DELETE", "/v1/connections/default/events", "", 405},
		{"GET", "/webhooks/hubspot/default", "", 405},
	} {
		resp, got := call(t, srv, tt.method, tt.path, "root", tt.body)
		wantProblem(t, resp, got, tt.status)
		if strings.Contains(got, "jane") || strings.Contains(got, "value\"") {
			t.Errorf("%s %s answers with what was sent: %s", tt.method, tt.path, got)
		}
	}
}

func TestPanicIsAProblem(t *testing.T) {
	srv := serve(t, Config{Connection: func(string) (Connection, bool) { panic("jane@example.com") }})
	resp, body := call(t, srv, "GET", "/v1/connections/default/status", "root", "")
	wantProblem(t, resp, body, 500)
	if strings.Contains(body, "jane") {
		t.Errorf("the answer shows internals: %s", body)
	}
}

func TestLogHoldsNoQueryAndNoIDs(t *testing.T) {
	var log strings.Builder
	srv := serve(t, Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	call(t, srv, "GET", "/v1/connections/default/contacts/jane@example.com?at=jane", "root", "")
	call(t, srv, "POST", "/v1/connections/default/contacts/find", "root", `{"text":"jane@example.com"}`)
	srv.Close() // the log is written after the answer
	if got := log.String(); !strings.Contains(got, "/contacts/{id}") || strings.Contains(got, "jane") {
		t.Errorf("request log: %s", got)
	}
}

func TestReadiness(t *testing.T) {
	down := errors.New("dial tcp 10.0.0.7:5432: refused")
	checks := []Check{
		{Name: "database", Run: func(context.Context) error { return down }},
		{Name: "planner", Run: func(context.Context) error { return nil }},
	}
	srv := serve(t, Config{Checks: checks})
	if resp, body := call(t, srv, "GET", "/healthz", "", ""); resp.StatusCode != 200 || !strings.Contains(body, "ok") {
		t.Errorf("healthz: %d %s", resp.StatusCode, body)
	}
	resp, body := call(t, srv, "GET", "/readyz", "", "")
	if resp.StatusCode != 503 || !strings.Contains(body, `"database":"failing"`) || strings.Contains(body, "10.0.0.7") {
		t.Errorf("readyz while the database is down: %d %s", resp.StatusCode, body)
	}
	for _, tt := range []struct {
		err  error
		says string
	}{
		{fmt.Errorf("%w: %w: /var/lib/secret: %w", eventstore.ErrUnavailable, eventstore.ErrDisk, down), "make room on its disk"},
		{fmt.Errorf("%w: %w: secret: %w", eventstore.ErrUnavailable, eventstore.ErrRights, down), "duolog migrate up --runtime-role ROLE"},
		{fmt.Errorf("%w: %w", eventstore.ErrUnavailable, down), "cannot be reached"},
	} {
		down = tt.err
		resp, body := call(t, srv, "GET", "/readyz", "", "")
		if resp.StatusCode != 503 || !strings.Contains(body, tt.says) || strings.Contains(body, "10.0.0.7") ||
			strings.Contains(body, "secret") {
			t.Errorf("readyz on %q: %d %s", tt.err, resp.StatusCode, body)
		}
	}
	down = nil
	if resp, body := call(t, srv, "GET", "/readyz", "", ""); resp.StatusCode != 200 {
		t.Errorf("readyz when all is well: %d %s", resp.StatusCode, body)
	}
	resp, body = call(t, srv, "GET", "/metrics", "feed", "")
	want := `duolog_http_requests_total{route="GET /readyz",status="503"} 4`
	if resp.StatusCode != 200 || !strings.Contains(body, want) {
		t.Errorf("metrics: %d %s", resp.StatusCode, body)
	}
}

func TestConfigIsChecked(t *testing.T) {
	lookup := func(string) (Connection, bool) { return Connection{}, false }
	for _, cfg := range []Config{
		{},
		{Connection: lookup, Authorizer: tokens{}, PublicURL: "sync.example.com"},
		{Connection: lookup, PublicURL: "https://sync.example.com"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
