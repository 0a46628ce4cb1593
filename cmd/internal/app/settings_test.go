package app_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	alowarebox "github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// TestApplySettings: faults are named and change nothing, and nobody overwrites what they have not seen.
func TestApplySettings(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	bad := preset(t, func(s *settings.Settings) { s.Contacts.Create = "sideways" })
	var faults *app.FaultsError
	if _, err := r.ApplySettings(t.Context(), bad, 1, tester); !errors.As(err, &faults) || len(faults.Faults) == 0 {
		t.Errorf("bad settings: %v, want the faults", err)
	}
	r.inForce(1, settings.Both)

	good := preset(t, func(s *settings.Settings) { s.Contacts.Create = settings.ToAloware })
	if v, err := r.ApplySettings(t.Context(), good, 1, tester); v != 2 || err != nil {
		t.Errorf("good settings: version %d, %v", v, err)
	}
	r.inForce(2, settings.ToAloware)
	if _, err := r.ApplySettings(t.Context(), preset(t, nil), 1, tester); !errors.Is(err, app.ErrOutdated) {
		t.Errorf("settings based on an older version: %v, want ErrOutdated", err)
	}
	r.inForce(2, settings.ToAloware)
}

// inForce fails unless the planner works under a version that creates so.
func (r *rig) inForce(version int, create settings.Direction) {
	r.t.Helper()
	r.settle()
	c, _, err := r.Control(r.t.Context())
	r.must(err)
	if c.Settings.Version != version || c.Settings.Contacts.Create != create {
		r.t.Errorf("version %d creates %s, want %d and %s", c.Settings.Version, c.Settings.Contacts.Create, version, create)
	}
}

// TestModeInSettings: settings that name another mode change the mode, and what a person set stays otherwise.
func TestModeInSettings(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	observe := preset(t, func(s *settings.Settings) { s.Mode = domain.ModeObserve })
	if _, err := r.ApplySettings(t.Context(), observe, 0, tester); err != nil {
		t.Fatal(err)
	}
	r.settle()
	c, _, err := r.Control(t.Context())
	if err != nil || c.Mode != domain.ModeObserve {
		t.Errorf("mode %s, %v, want observe", c.Mode, err)
	}
	if _, err := r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModePilot, Filter: "("}, tester); !errors.Is(err, httpapi.ErrBadInput) {
		t.Errorf("an unreadable filter: %v, want ErrBadInput", err)
	}
}

// TestRefusedStart: a log is never synced with another portal than the one it was opened with, nor a demo's served.
func TestRefusedStart(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	r.stop()
	other := sandboxes(t, plan{portal: "99"})
	elsewhere := r.config
	elsewhere.HubSpot.BaseURL = other.config.HubSpot.BaseURL
	box := alowarebox.New(alowarebox.Config{CompanyID: 99, WebhookToken: "sandbox"})
	company := httptest.NewServer(box)
	t.Cleanup(func() {
		box.Close()
		company.Close()
	})
	stranger := r.config
	stranger.Aloware.BaseURL = company.URL
	demo := r.config
	demo.Demo = true
	for name, c := range map[string]app.Config{
		"another portal": elsewhere, "another account": stranger, "as a demo": demo,
	} {
		if err := serve(t, r, c); !errors.Is(err, app.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
}

// serve runs a process until it ends by itself, 20 s at most.
func serve(t *testing.T, r *rig, c app.Config) error {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	r.must(err)
	c.Addr, c.PublicURL = l.Addr().String(), "http://"+l.Addr().String()
	a, err := app.Open(t.Context(), c, r.logger)
	r.must(err)
	defer func() { r.must(a.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return a.Serve(ctx, l)
}
