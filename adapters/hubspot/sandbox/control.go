package sandbox

import (
	"context"
	"net/http"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// order is the body of the POST requests under /_sandbox/.
type order struct {
	ID         string            `json:"id"`    // deal: the contact it is about
	Other      string            `json:"other"` // merge: the record that is merged into ID
	Properties map[string]string `json:"properties"`
	User       string            `json:"user"` // id of the HubSpot user, default "7"
}

// control is /_sandbox/: it lets a script outside the process act as the portal's people and check the outcome.
func (s *Sandbox) control(mux *http.ServeMux) {
	sandboxkit.Control(mux, s, order{User: "7"}, map[string]sandboxkit.Order[order]{
		"create":  func(_ context.Context, o order) (string, error) { return s.Create(o.Properties, o.User) },
		"edit":    func(_ context.Context, o order) (string, error) { return o.ID, s.Edit(o.ID, o.Properties, o.User) },
		"delete":  func(_ context.Context, o order) (string, error) { return o.ID, s.Delete(o.ID) },
		"restore": func(_ context.Context, o order) (string, error) { return o.ID, s.Restore(o.ID) },
		"merge":   func(_ context.Context, o order) (string, error) { return s.Merge(o.ID, o.Other) },
		"deal":    func(_ context.Context, o order) (string, error) { return s.AddDeal(o.Properties, o.about()...) },
		"owner": func(_ context.Context, o order) (string, error) {
			return s.AddOwner(o.Properties["email"], o.Properties["firstName"], o.Properties["lastName"]), nil
		},
		"owner-gone":   func(_ context.Context, o order) (string, error) { s.RemoveOwner(o.ID); return o.ID, nil },
		"outcome":      func(_ context.Context, o order) (string, error) { return s.AddOutcome(o.Properties["label"]), nil },
		"outcome-gone": func(_ context.Context, o order) (string, error) { s.RemoveOutcome(o.ID); return o.ID, nil },
	}, map[string]func() any{
		"contacts": func() any { return s.All() },
		"stats":    func() any { return s.Stats() },
	})
}

// about lists whom a deal is about.
func (o order) about() []string {
	if o.ID == "" {
		return nil
	}
	return []string{o.ID}
}
