package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
)

// clock is moved by a test.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time         { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) pass(d time.Duration)   { c.ahead.Add(int64(d)) }
func (c *clock) set(config *app.Config) { config.Clock = c.now }
func mapsTier(s *settings.Settings)     { s.Fields = append(s.Fields, s.NewField("csf1", "tier")) }

// acts lists the payloads of one type of act.
func (r *rig) acts(kind string) (all []domain.Act) {
	r.t.Helper()
	r.each(func(e eventstore.Event) {
		if e.Type == kind {
			var a domain.Act
			r.must(json.Unmarshal(e.Data, &a))
			all = append(all, a)
		}
	})
	return all
}

// looks counts what the log tells of HubSpot's properties.
func (r *rig) looks() (full, bare int) {
	r.t.Helper()
	r.each(func(e eventstore.Event) {
		var s domain.Schema
		if e.Type != domain.SchemaObserved {
			return
		}
		r.must(json.Unmarshal(e.Data, &s))
		switch {
		case s.System != domain.HubSpot:
		case len(s.Properties) > 0:
			full++
		default:
			bare++
		}
	})
	return full, bare
}

// drop takes a property of contacts away, as a person does in HubSpot's settings.
func (r *rig) drop(property string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodDelete,
		r.config.HubSpot.BaseURL+"/crm/v3/properties/contacts/"+property, nil)
	r.must(err)
	req.Header.Set("Authorization", "Bearer any")
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	r.must(res.Body.Close())
	if res.StatusCode != http.StatusNoContent {
		r.t.Fatalf("delete %s: %s", property, res.Status)
	}
}

// tiered is a rig in step with one contact, Grace of Aloware, and a custom field mapped to a property made for it.
func tiered(t *testing.T, database string, day *clock) *rig {
	t.Helper()
	r := sandboxes(t, plan{database: database, config: day.set})
	r.must(r.hubspot.AddProperty("tier", false))
	r.apply(mapsTier)
	r.node = r.boot()
	_, err := r.aloware.Create(custom(graceAloware, "csf1", "gold"), "")
	r.must(err)
	r.settle()
	h, _ := r.twin(gracePhone)
	r.same("HubSpot", h.Properties, map[string]string{"tier": "gold"})
	return r
}

// custom is a person's values with one more.
func custom(values map[string]any, name, value string) map[string]any {
	out := map[string]any{name: value}
	for k, v := range values {
		out[k] = v
	}
	return out
}

// shut waits for the gate of the custom field to be shut, or open.
func (r *rig) shut(want bool) {
	r.t.Helper()
	r.wait("the gate", func(ctx context.Context) (bool, error) {
		c, _, err := r.Control(ctx)
		_, is := c.ShutFields["csf1"]
		return is == want, err
	})
}

// TestGateDaily: once a day the owner holds the mapping against what HubSpot has. A field that does not fit any more is
// shut and its changes wait; when it fits again they are sent.
func TestGateDaily(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		day := &clock{}
		r := tiered(t, database, day)
		r.boot() // another process, which owns nothing
		r.hear(r.url)
		full, bare := r.looks()

		r.drop("tier")
		day.pass(23 * time.Hour)
		r.settle()
		if f, b := r.looks(); f != full || b != bare || len(r.acts(domain.GateChanged)) > 0 {
			t.Fatalf("looked within the day: %d %d, before %d %d", f, b, full, bare)
		}
		day.pass(2 * time.Hour)
		r.shut(true)
		_, a := r.twin(gracePhone)
		r.must(r.aloware.Edit(a.ID, map[string]any{"csf1": "silver", "city": "Rome"}))
		r.settle()
		h, _ := r.twin(gracePhone)
		r.same("HubSpot", h.Properties, map[string]string{"city": "Rome"})
		if got := r.field("hubspot:"+h.ID, "csf1"); got != contacts.Apart {
			t.Errorf("the field is %s, want apart", got)
		}
		if f, _ := r.looks(); f != full+1 {
			t.Errorf("the new schema was told %d times", f-full)
		}

		day.pass(25 * time.Hour)
		r.wait("a look that finds nothing new", func(context.Context) (bool, error) {
			_, b := r.looks()
			return b > bare, nil
		})
		if n := len(r.acts(domain.GateChanged)); n != 1 {
			t.Errorf("%d acts, want the one that shut it", n)
		}

		r.must(r.hubspot.AddProperty("tier", false))
		day.pass(25 * time.Hour)
		r.shut(false)
		r.settle()
		h, _ = r.twin(gracePhone)
		r.same("HubSpot", h.Properties, map[string]string{"tier": "silver"})
		if got := r.field("hubspot:"+h.ID, "csf1"); got != contacts.InStep {
			t.Errorf("the field is %s, want in step", got)
		}
		r.agreed()
		r.verified()
	})
}

// TestGateOnRefusal: HubSpot refuses a property it does not have any more; the mapping is checked soon, the field is
// shut, and the refused value arrives once the property is back.
func TestGateOnRefusal(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		day := &clock{}
		r := tiered(t, database, day)
		r.drop("tier")
		_, a := r.twin(gracePhone)
		r.must(r.aloware.Edit(a.ID, map[string]any{"csf1": "silver"}))
		r.settle()
		if n := len(r.acts(domain.GateChanged)); n > 0 {
			t.Errorf("%d acts within a minute of the last look", n)
		}
		day.pass(time.Minute)
		r.shut(true)
		if g := r.acts(domain.GateChanged); len(g) != 1 || g[0].Field != "csf1" || len(g[0].Faults) != 1 || g[0].Faults[0].Fix == "" {
			t.Errorf("said %+v", g)
		}
		r.must(r.hubspot.AddProperty("tier", false))
		day.pass(25 * time.Hour)
		r.shut(false)
		r.settle()
		h, _ := r.twin(gracePhone)
		r.same("HubSpot", h.Properties, map[string]string{"tier": "silver"})
		r.agreed()
	})
}

// TestDeletedPropertyIsNotBlank: whatever reads HubSpot while a mapped property is gone tells nobody's value blank, though
// blanks are sent.
func TestDeletedPropertyIsNotBlank(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		day := &clock{}
		r := tiered(t, database, day)
		r.apply(func(s *settings.Settings) {
			mapsTier(s)
			for i := range s.Fields {
				s.Fields[i].Blank = settings.BlankSend
			}
		})
		h, _ := r.twin(gracePhone)
		r.drop("tier")
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Rome"}, "CRM_UI"))
		if _, err := r.aside().Reconcile(t.Context(), tester, nil); err != nil {
			t.Fatal(err)
		}
		r.settle()
		_, a := r.twin(gracePhone)
		if got := a.Properties["csf1"]; got != "gold" {
			t.Errorf("Aloware shows %s in csf1, want gold", got)
		}
		c := r.contact("hubspot:" + h.ID)
		for _, rec := range c.Records {
			if v, ok := rec.Values["tier"]; ok && string(v.Value) != `"gold"` {
				t.Errorf("the card shows tier %s", v.Value)
			}
		}
	})
}

// slowSchema lets HubSpot take its time to list its properties.
type slowSchema struct{ atomic.Bool }

func (s *slowSchema) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Load() && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/properties/") && strings.HasSuffix(r.URL.Path, "/contacts") {
			time.Sleep(2 * time.Second)
		}
		h.ServeHTTP(w, r)
	})
}

// TestGateAtStart: nothing leaves before the mapping was held against both systems, and with gate: sync a fault shuts
// everything.
func TestGateAtStart(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		slow := &slowSchema{}
		r := sandboxes(t, plan{database: database, portalFront: slow.wrap})
		r.must(r.hubspot.AddProperty("tier", false))
		r.apply(func(s *settings.Settings) {
			mapsTier(s)
			s.Gate = settings.GateSync
		})
		r.node = r.boot()
		r.settle()
		r.stop()
		r.drop("tier")
		slow.Store(true)
		r.node = r.boot()
		_, err := r.hubspot.Create(adaHubSpot, "7") // told and planned before the schema is
		r.must(err)
		r.wait("the gate", func(ctx context.Context) (bool, error) {
			c, _, err := r.Control(ctx)
			return c.Shut, err
		})
		r.settle()
		r.unwritten("while the gate is shut", 0, 0)
		r.stop()
		r.must(r.hubspot.AddProperty("tier", false))
		r.node = r.boot()
		r.wait("the gate to open", func(ctx context.Context) (bool, error) {
			c, _, err := r.Control(ctx)
			return !c.Shut, err
		})
		r.settle()
		r.twin(adaPhone)
	})
}
