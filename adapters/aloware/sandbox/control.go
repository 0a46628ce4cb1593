package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// control is /_sandbox/: what people do and see in Aloware's own screens, for tools in another process.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/contacts", func(w http.ResponseWriter, _ *http.Request) {
		sandboxkit.WriteJSON(w, http.StatusOK, s.Contacts())
	})
	mux.HandleFunc("GET /_sandbox/stats", func(w http.ResponseWriter, _ *http.Request) {
		sandboxkit.WriteJSON(w, http.StatusOK, s.Stats())
	})
	mux.HandleFunc("POST /_sandbox/quiesce", s.quiesce)
	mux.HandleFunc("POST /_sandbox/contacts", func(w http.ResponseWriter, r *http.Request) {
		s.act(w, r, func(values map[string]any) (string, error) { return s.Create(values, "") })
	})
	mux.HandleFunc("POST /_sandbox/contacts/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		s.act(w, r, func(values map[string]any) (string, error) { return id, s.Edit(id, values) })
	})
	mux.HandleFunc("DELETE /_sandbox/contacts/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		answer(w, id, s.Remove(id))
	})
	mux.HandleFunc("POST /_sandbox/calls", func(w http.ResponseWriter, r *http.Request) {
		s.act(w, r, func(values map[string]any) (string, error) {
			number, _ := values["phone_number"].(string)
			missed, _ := values["missed"].(bool)
			return s.Call(number, missed)
		})
	})
	return mux
}

func (s *Sandbox) quiesce(w http.ResponseWriter, r *http.Request) {
	if err := s.Quiesce(r.Context()); err != nil {
		complain(w, http.StatusGatewayTimeout, "webhooks are still under way")
		return
	}
	sandboxkit.WriteJSON(w, http.StatusOK, s.Stats().Webhooks)
}

func (s *Sandbox) act(w http.ResponseWriter, r *http.Request, do func(map[string]any) (string, error)) {
	var values map[string]any
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&values); err != nil {
		complain(w, http.StatusBadRequest, "the body is not a JSON object")
		return
	}
	id, err := do(values)
	answer(w, id, err)
}

func answer(w http.ResponseWriter, id string, err error) {
	switch {
	case errors.Is(err, ErrNoContact):
		complain(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrPhoneTaken):
		complain(w, http.StatusConflict, err.Error())
	case err != nil:
		complain(w, http.StatusUnprocessableEntity, err.Error())
	default:
		sandboxkit.WriteJSON(w, http.StatusOK, map[string]string{"id": id})
	}
}
