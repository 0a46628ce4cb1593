package app_test

import (
	"context"
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// TestAlowareAnswersNonsense: a 2xx that is not JSON, as from a proxy's login page, is no success.
func TestAlowareAnswersNonsense(t *testing.T) {
	t.Parallel()
	front := &nonsense{}
	r := start(t, plan{front: front.wrap})
	r.baseline()
	front.on.Store(true)
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.wait("a failing command", func(ctx context.Context) (bool, error) {
		s, err := r.Status(ctx)
		return s.Systems["aloware"].Failing > 0, err
	})
	if n := len(r.inAloware("phone_number", adaPhone)); n != 0 {
		t.Errorf("%d in Aloware, which answered nothing", n)
	}
	front.on.Store(false)
	r.settle()
	r.twin(adaPhone)
	r.agreed()
}

// TestInvalidValue: a value that does not fit its field's type is invalid, with the reason; the other fields flow.
func TestInvalidValue(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	id, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	r.must(r.hubspot.Edit(id, map[string]string{"phone": "ask for Ada", "firstname": "Augusta"}, "7"))
	r.settle()
	a := r.aloware.All()
	if len(a) != 1 {
		t.Fatalf("%d in Aloware, want 1", len(a))
	}
	r.same("Aloware", a[0].Properties, map[string]string{"first_name": "Augusta", "phone_number": adaPhone})
	all := r.verdicts("phone_number")
	if last := all[len(all)-1]; last.Result != planner.Invalid || last.Rule == "" {
		t.Errorf("decided about the number: %+v", last)
	}
}

// TestGuardedField: a city that a person changed in HubSpot, which told nobody, is not gone over by one from Aloware: the
// conflict rule speaks about both.
func TestGuardedField(t *testing.T) {
	t.Parallel()
	r := start(t, plan{
		change: func(s *settings.Settings) {
			for i := range s.Fields {
				s.Fields[i].Guard = true
			}
		},
		people: []sandboxkit.Person{{HubSpot: adaHubSpot}}, hubspot: sandboxkit.Faults{WebhookLoss: 1},
	})
	r.baseline()
	r.settle()
	h, a := r.twin(adaPhone)
	r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Rome"}, "7"))
	r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Paris", "website": "ada.example"}))
	r.settle()
	h, _ = r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"city": "Rome", "website": "ada.example"})
	r.agreed()
}
