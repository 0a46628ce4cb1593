package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// order is the body of the POST requests under /_sandbox/.
type order struct {
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties"` // by write name
	Phone      string         `json:"phone"`      // call: who calls
	Missed     bool           `json:"missed"`     // call: nobody answers
	Target     string         `json:"target"`     // of webhooks
}

// control is /_sandbox/: what people do and see in Aloware's own screens, for tools in another process.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/contacts", func(w http.ResponseWriter, _ *http.Request) {
		sandboxkit.WriteJSON(w, http.StatusOK, s.All())
	})
	mux.HandleFunc("GET /_sandbox/stats", func(w http.ResponseWriter, _ *http.Request) {
		sandboxkit.WriteJSON(w, http.StatusOK, s.Stats())
	})
	for name, do := range map[string]func(context.Context, order) (string, error){
		"create": func(_ context.Context, o order) (string, error) { return s.Create(o.Properties, "") },
		"edit":   func(_ context.Context, o order) (string, error) { return o.ID, s.Edit(o.ID, o.Properties) },
		"delete": func(_ context.Context, o order) (string, error) { return o.ID, s.Delete(o.ID) },
		"call":   func(_ context.Context, o order) (string, error) { return s.Call(o.Phone, o.Missed) },
		"target": func(_ context.Context, o order) (string, error) {
			s.SetTarget(o.Target)
			return "", nil
		},
		"quiesce": func(ctx context.Context, _ order) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
			defer cancel()
			return "", s.Quiesce(ctx)
		},
	} {
		mux.HandleFunc("POST /_sandbox/"+name, carryOut(do))
	}
	return mux
}

func carryOut(do func(context.Context, order) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o order
		if r.ContentLength != 0 {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil {
				complain(w, http.StatusBadRequest, "the body is not a JSON object")
				return
			}
		}
		id, err := do(r.Context(), o)
		if err != nil {
			complain(w, http.StatusConflict, err.Error())
			return
		}
		sandboxkit.WriteJSON(w, http.StatusOK, map[string]string{"id": id})
	}
}
