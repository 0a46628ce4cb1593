package app_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
)

// faults applies settings and returns what they were refused for.
func faults(t *testing.T, n *node, change func(*settings.Settings)) []settings.Fault {
	t.Helper()
	before, err := n.SettingsHistory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.ApplySettings(t.Context(), preset(t, change), 0, tester)
	var bad *app.FaultsError
	if err != nil && !errors.As(err, &bad) {
		t.Fatal(err)
	}
	after, err := n.SettingsHistory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if applied := len(after) > len(before); applied != (bad == nil) {
		t.Errorf("applied: %t, refused: %v", applied, bad)
	}
	if bad == nil {
		return nil
	}
	return bad.Faults
}

// TestApplyChecksTheMapping: settings that do not fit what HubSpot has are refused as a whole; by a process that cannot
// ask, by what was seen last.
func TestApplyChecksTheMapping(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := sandboxes(t, plan{database: database})
		before := r.aside()
		before.HubSpot.AccessToken = ""
		if f := faults(t, before, mapsTier); len(f) > 0 {
			t.Errorf("refused before anything was seen: %v", f)
		}
		r.apply(nil)
		r.node = r.boot()
		r.settle()
		for name, n := range map[string]*node{"live": r.aside(), "by what was seen": r.aside()} {
			if name != "live" {
				n.HubSpot.AccessToken = ""
			}
			if f := faults(t, n, mapsTier); len(f) != 1 || !strings.Contains(f[0].Found, "tier") || f[0].Fix == "" {
				t.Errorf("%s: %v, want the missing property", name, f)
			}
			if f := faults(t, n, func(s *settings.Settings) {
				s.Fields = append(s.Fields, s.NewField("csf1", "plan_tier"))
			}); len(f) != 1 || !strings.Contains(f[0].Wanted, "type") {
				t.Errorf("%s: %v, want the type", name, f)
			}
		}
		r.must(r.hubspot.AddProperty("tier", false))
		if f := faults(t, r.aside(), mapsTier); len(f) > 0 {
			t.Errorf("%v, though it is there by now", f)
		}
		r.settle()
		if g := r.acts("gate.changed"); len(g) > 0 {
			t.Errorf("the gate was changed: %+v", g)
		}
	})
}

// TestAttributeSeen: Aloware lists no custom attributes. One can be mapped once a contact has shown it.
func TestAttributeSeen(t *testing.T) {
	t.Parallel()
	r := start(t, plan{attributes: []string{"lead_rank"}})
	r.must(r.hubspot.AddProperty("rank", false))
	maps := func(s *settings.Settings) { s.Fields = append(s.Fields, s.NewField("lead_rank", "rank")) }
	if f := faults(t, r.aside(), maps); len(f) != 1 || !strings.Contains(f[0].Found, "nor seen on a contact") {
		t.Errorf("%v, want that nobody has shown it", f)
	}
	_, err := r.aloware.Create(custom(graceAloware, "lead_rank", "7"), "")
	r.must(err)
	r.settle()
	if f := faults(t, r.aside(), maps); len(f) > 0 {
		t.Errorf("%v, though it was seen", f)
	}
	r.settle()
	_, a := r.twin(gracePhone)
	r.must(r.aloware.Edit(a.ID, map[string]any{"lead_rank": "8"}))
	r.settle()
	h, _ := r.twin(gracePhone)
	r.same("HubSpot", h.Properties, map[string]string{"rank": "8"})
}
