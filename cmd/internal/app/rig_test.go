package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	alowarebox "github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/httpapi"
	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/projections/contacts"
)

// rig is a whole Duolog between two sandboxes, over real HTTP.
type rig struct {
	*app.App
	t       *testing.T
	hubspot *hubspotbox.Sandbox
	aloware *alowarebox.Sandbox
	url     string
}

// eachBackend runs a test on SQLite and on PostgreSQL.
func eachBackend(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "duolog.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, eventstoretest.PostgresURL(t)) })
}

// start runs Duolog with the settings on a database, between sandboxes with people and faults.
func start(t *testing.T, database string, change func(*settings.Settings), people []sandboxkit.Person, faults sandboxkit.Faults) *rig {
	t.Helper()
	hf, af := faults, faults
	hf.Retries, hf.RateLimit = 10, -1
	r := &rig{
		t: t, hubspot: hubspotbox.New(hubspotbox.Config{Faults: hf, SearchRate: -1}),
		aloware: alowarebox.New(alowarebox.Config{Faults: af, WebhookToken: "sandbox"}),
	}
	h, a := httptest.NewServer(r.hubspot), httptest.NewServer(r.aloware)
	if err := r.hubspot.Seed(people); err != nil {
		t.Fatal(err)
	}
	if err := r.aloware.Seed(people); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + l.Addr().String()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	r.App, err = app.Open(ctx, app.Config{
		Connection: "default", DatabaseURL: database, Data: dir, Addr: l.Addr().String(), PublicURL: r.url, Migrate: true,
		MasterKeyFile: filepath.Join(dir, "master.key"), APIToken: "test",
		HubSpot: app.HubSpot{BaseURL: h.URL, AccessToken: "any", ClientSecret: "sandbox"},
		Aloware: app.Aloware{BaseURL: a.URL, APIToken: "any", WebhookToken: "sandbox"},
	}, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		t.Fatal(err)
	}
	s.Limits.AlowarePerSecond, s.Limits.HubSpotShare = 1000, 100
	if change != nil {
		change(&s)
	}
	if _, err := r.ApplySettings(ctx, s, 0, httpapi.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	r.hubspot.SetTarget(r.url + "/webhooks/hubspot/default")
	r.aloware.SetTarget(r.url + "/webhooks/aloware/default")
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("serve:", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		r.hubspot.Close()
		r.aloware.Close()
		h.Close()
		a.Close()
	})
	return r
}

// wait polls until a condition holds.
func (r *rig) wait(what string, holds func(ctx context.Context) (bool, error)) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds(ctx)
		if err != nil && ctx.Err() == nil {
			r.t.Fatalf("%s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			s, _ := r.Status(context.Background())
			b, _ := json.MarshalIndent(s, "", " ")
			r.t.Fatalf("waited in vain: %s\n%s", what, b)
		case <-tick.C:
		}
	}
}

// baseline waits for both sides to have been read.
func (r *rig) baseline() {
	r.t.Helper()
	r.wait("baseline", func(ctx context.Context) (bool, error) {
		c, _, err := r.Control(ctx)
		return c.Baseline, err
	})
}

// settle waits until webhooks are delivered and everything is planned, sent and folded.
func (r *rig) settle() {
	r.t.Helper()
	r.baseline()
	for range 3 {
		ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
		if err := r.hubspot.Quiesce(ctx); err != nil {
			r.t.Fatal("hubspot webhooks: ", err)
		}
		if err := r.aloware.Quiesce(ctx); err != nil {
			r.t.Fatal("aloware webhooks: ", err)
		}
		if err := r.WaitIdle(ctx); err != nil {
			s, _ := r.Status(context.Background())
			b, _ := json.MarshalIndent(s, "", " ")
			r.t.Fatalf("not idle: %v\n%s", err, b)
		}
		cancel()
	}
}

// differences compares both sandboxes field by field, for every linked contact, and lists what no decision explains.
func (r *rig) differences() []string {
	r.t.Helper()
	control, _, err := r.Control(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	env := control.Settings.Env()
	hs, as := map[string]map[string]string{}, map[string]map[string]string{}
	for _, c := range r.hubspot.All() {
		hs[c.ID] = c.Properties
	}
	for _, c := range r.aloware.All() {
		as[c.ID] = c.Properties
	}
	var out []string
	err = r.EachContact(r.t.Context(), func(c contacts.Contact) error {
		sides := map[domain.System]domain.Properties{}
		for _, rec := range c.Records {
			from := hs
			if rec.System == domain.Aloware {
				from = as
			}
			if v, ok := from[rec.ID]; ok && rec.State == "linked" {
				sides[rec.System] = raw(v)
			}
		}
		if len(sides) != 2 {
			out = append(out, fmt.Sprintf("%s stands alone: %s %s %+v", c.ID, c.Status, c.Reason, c.Records))
			return nil
		}
		state := map[string]string{}
		for _, f := range c.Fields {
			state[f.Field] = f.State
		}
		for _, f := range control.Settings.Fields {
			a, _, _ := f.Get(domain.Aloware, sides[domain.Aloware], env)
			h, _, _ := f.Get(domain.HubSpot, sides[domain.HubSpot], env)
			if a != h && state[f.Name] != contacts.Apart && state[f.Name] != contacts.Held {
				out = append(out, fmt.Sprintf("%s %s: %q / %q, %s", c.ID, f.Name, a, h, state[f.Name]))
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func raw(values map[string]string) domain.Properties {
	p := domain.Properties{}
	for k, v := range values {
		p[k], _ = json.Marshal(v)
	}
	return p
}
