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
	ID         string            `json:"id"`
	Other      string            `json:"other"` // merge: the record that is merged into ID
	Properties map[string]string `json:"properties"`
	User       string            `json:"user"`   // id of the HubSpot user, default "7"
	Target     string            `json:"target"` // of webhooks
}

// controlRoutes let a script outside the process act as the portal's people and check the outcome.
func (s *Sandbox) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sandbox/contacts", func(w http.ResponseWriter, _ *http.Request) {
		sandboxkit.WriteJSON(w, http.StatusOK, s.All())
	})
	mux.HandleFunc("GET /_sandbox/stats", func(w http.ResponseWriter, _ *http.Request) {
		sandboxkit.WriteJSON(w, http.StatusOK, s.Stats())
	})
	s.control(mux, "create", func(_ context.Context, o order) (string, error) { return s.Create(o.Properties, o.User) })
	s.control(mux, "edit", func(_ context.Context, o order) (string, error) {
		return o.ID, s.Edit(o.ID, o.Properties, o.User)
	})
	s.control(mux, "delete", func(_ context.Context, o order) (string, error) { return o.ID, s.Delete(o.ID) })
	s.control(mux, "restore", func(_ context.Context, o order) (string, error) { return o.ID, s.Restore(o.ID) })
	s.control(mux, "merge", func(_ context.Context, o order) (string, error) { return s.Merge(o.ID, o.Other) })
	s.control(mux, "target", func(_ context.Context, o order) (string, error) {
		s.SetTarget(o.Target)
		return "", nil
	})
	s.control(mux, "quiesce", func(ctx context.Context, _ order) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		return "", s.Quiesce(ctx)
	})
}

func (s *Sandbox) control(mux *http.ServeMux, name string, do func(context.Context, order) (string, error)) {
	mux.HandleFunc("POST /_sandbox/"+name, func(w http.ResponseWriter, r *http.Request) {
		o := order{User: "7"}
		if r.ContentLength != 0 {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil {
				sandboxkit.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
		}
		id, err := do(r.Context(), o)
		if err != nil {
			sandboxkit.WriteJSON(w, http.StatusConflict, map[string]string{"error": err.Error()})
			return
		}
		sandboxkit.WriteJSON(w, http.StatusOK, map[string]string{"id": id})
	})
}
