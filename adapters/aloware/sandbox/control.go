package sandbox

import (
	"context"
	"net/http"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// order is the body of the POST requests under /_sandbox/.
type order struct {
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties"` // by write name
	Phone      string         `json:"phone"`      // call: who calls
	Missed     bool           `json:"missed"`     // call: nobody answers
	Disposal                  // dispose: what is chosen after the call of Phone
}

// control is /_sandbox/: what people do and see in Aloware's own screens, for tools in another process.
func (s *Sandbox) control(mux *http.ServeMux) {
	sandboxkit.Control(mux, s, order{}, map[string]sandboxkit.Order[order]{
		"create":  func(_ context.Context, o order) (string, error) { return s.Create(o.Properties, "") },
		"edit":    func(_ context.Context, o order) (string, error) { return o.ID, s.Edit(o.ID, o.Properties) },
		"delete":  func(_ context.Context, o order) (string, error) { return o.ID, s.Delete(o.ID) },
		"call":    func(_ context.Context, o order) (string, error) { return s.Call(o.Phone, o.Missed) },
		"dispose": func(_ context.Context, o order) (string, error) { return s.DisposeCall(o.Phone, o.Disposal) },
	}, map[string]func() any{
		"contacts": func() any { return s.All() },
		"stats":    func() any { return s.Stats() },
	})
}
