package sandboxkit

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Controlled is a sandbox as tools in another process steer it.
type Controlled interface {
	SetTarget(baseURL string)
	Quiesce(ctx context.Context) error
}

// quiet is how long a POST to quiesce may take.
const quiet = 5 * time.Minute

// Order does what one POST under /_sandbox/ asks for and returns the id of the record concerned.
type Order[O any] func(ctx context.Context, o O) (id string, err error)

// Control routes /_sandbox/: what people do and see in a system's own screens, and where its webhooks go. An order's
// JSON body is read over blank, and answered with the record's id, or 409 and why not. look has what GET shows, by
// name; target and quiesce are there for every sandbox.
func Control[O any](
	mux *http.ServeMux, s Controlled, blank O, orders map[string]Order[O], look map[string]func() any,
) {
	for name, show := range look {
		mux.HandleFunc("GET /_sandbox/"+name, func(w http.ResponseWriter, _ *http.Request) {
			WriteJSON(w, http.StatusOK, show())
		})
	}
	for name, do := range orders {
		mux.HandleFunc("POST /_sandbox/"+name, carryOut(blank, do))
	}
	type where struct {
		Target string `json:"target"`
	}
	mux.HandleFunc("POST /_sandbox/target", carryOut(where{}, func(_ context.Context, o where) (string, error) {
		s.SetTarget(o.Target)
		return "", nil
	}))
	mux.HandleFunc("POST /_sandbox/quiesce", carryOut(where{}, func(ctx context.Context, _ where) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, quiet)
		defer cancel()
		return "", s.Quiesce(ctx)
	}))
}

func carryOut[O any](blank O, do Order[O]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o := blank
		if r.ContentLength != 0 {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil {
				WriteJSON(w, http.StatusBadRequest, map[string]string{"error": "the body is not a JSON object"})
				return
			}
		}
		id, err := do(r.Context(), o)
		if err != nil {
			WriteJSON(w, http.StatusConflict, map[string]string{"error": err.Error()})
			return
		}
		WriteJSON(w, http.StatusOK, map[string]string{"id": id})
	}
}
