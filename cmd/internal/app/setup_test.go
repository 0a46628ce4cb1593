package app_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
)

// TestConnectionsOverHTTP: a connection is made, given credentials by where they stand, looked at step by step and removed
// while the service runs, which takes it along and leaves it by itself.
func TestConnectionsOverHTTP(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := sandboxes(t, plan{database: database})
		r.apply(nil)
		r.node = r.bootBeside(r.config, nil)
		r.settle()
		at := func(value string) string { return "file:" + r.kept(value) }
		hub := map[string]string{"access_token": at("any"), "client_secret": at("sandbox")}
		alo := map[string]string{"api_token": at("any"), "webhook_token": at("sandbox")}

		for said, body := range map[string]any{
			"and not what it is":  with(hub, map[string]string{"access_token": "pat-na1-secret"}),
			"cannot be read":      with(hub, map[string]string{"access_token": "file:/nowhere"}),
			"access_token, clien": map[string]string{"password": "env:HOME"},
		} {
			_, got := r.send(400, "/v1/connections", map[string]any{"name": "north", "reason": "test", "hubspot": body})
			if !strings.Contains(got, said) || strings.Contains(got, "pat-na1") {
				t.Errorf("want %q said, got %s", said, got)
			}
		}
		c, _ := r.send(200, "/v1/connections", map[string]any{"name": "north", "reason": "test", "hubspot": hub})
		c.is(t, "hubspot token", httpapi.StepDone, "hubspot scopes", httpapi.StepDone, "hubspot property", httpapi.StepDone,
			"hubspot subscriptions", httpapi.StepUnknown, "aloware token", httpapi.StepMissing, "aloware webhook token", httpapi.StepMissing)
		if c.Mode != "off" || c.HubSpot.Account == "" || !strings.HasSuffix(c.Aloware.Webhooks, "/webhooks/aloware/north") {
			t.Errorf("%+v", c)
		}
		r.send(409, "/v1/connections", map[string]any{"name": "north", "reason": "test"})
		r.send(409, "/v1/connections/default/remove", map[string]any{"reason": "test"})
		r.send(404, "/v1/connections/south/credentials", map[string]any{"aloware": alo})
		c, _ = r.send(200, "/v1/connections/north/connect/hubspot", map[string]any{})
		c.is(t, "hubspot property", httpapi.StepDone)
		r.send(200, "/v1/connections/north/credentials", map[string]any{"aloware": alo})

		status := func(want int) {
			r.wait("the connection to come or go", func(context.Context) (bool, error) {
				got, _ := r.request("GET", r.url+"/v1/connections/north/status", "test", nil)
				return got == want, nil
			})
		}
		status(200) // without a restart or a signal
		if got, _ := r.request("POST", r.url+"/webhooks/aloware/north", "sandbox", map[string]any{"test_payload": true}); got != 200 {
			t.Errorf("a test delivery: %d", got)
		}
		c = r.connecting("north")
		c.is(t, "aloware token", httpapi.StepDone, "aloware test delivery", httpapi.StepDone, "aloware first delivery", httpapi.StepWaiting)
		r.aloware.SetTarget(r.url + "/webhooks/aloware/north")
		_, err := r.aloware.Create(graceAloware, "")
		r.must(err)
		r.wait("a real delivery", func(context.Context) (bool, error) {
			c := r.connecting("north")
			return c.step("aloware first delivery") == httpapi.StepDone, nil
		})
		if got, _ := r.request("POST", r.url+"/v1/connections/north/remove", "test", map[string]any{"reason": "test"}); got != 200 {
			t.Errorf("remove: %d", got)
		}
		status(404)
		r.connecting("north").is(t, "hubspot token", httpapi.StepMissing, "aloware token", httpapi.StepMissing)
	})
}

// connecting is an answer about how far a connection is set up.
type connecting httpapi.Connecting

// step is the state of a step: "hubspot token".
func (c connecting) step(name string) string {
	system, name, _ := strings.Cut(name, " ")
	side := c.Aloware
	if system == "hubspot" {
		side = c.HubSpot
	}
	for _, s := range side.Steps {
		if s.Step == name {
			return s.State
		}
	}
	return ""
}

func (c connecting) is(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := c.step(pairs[i]); got != pairs[i+1] {
			t.Errorf("%s is %q, want %q, in %+v", pairs[i], got, pairs[i+1], c)
		}
	}
}

func (r *rig) connecting(name string) (c connecting) {
	r.t.Helper()
	status, body := r.request("GET", r.url+"/v1/connections/"+name+"/connect", "test", nil)
	if err := json.Unmarshal(body, &c); err != nil || status != 200 {
		r.t.Fatalf("%d %s", status, body)
	}
	return c
}

// send posts, and wants a status.
func (r *rig) send(want int, path string, body any) (c connecting, text string) {
	r.t.Helper()
	status, got := r.request("POST", r.url+path, "test", body)
	if status != want || json.Unmarshal(got, &c) != nil {
		r.t.Errorf("%s: %d %s, want %d", path, status, got, want)
	}
	return c, string(got)
}

// kept writes a value into a file of its own.
func (r *rig) kept(value string) string {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "value")
	r.must(os.WriteFile(path, []byte(value+"\n"), 0o600))
	return path
}
