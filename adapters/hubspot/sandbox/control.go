package sandbox

import (
	"context"
	"net/http"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// order is the body of the POST requests under /_sandbox/.
type order struct {
	ID         string            `json:"id"`
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
	}, map[string]func() any{
		"contacts": func() any { return s.All() },
		"stats":    func() any { return s.Stats() },
	})
}
