package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/duolog/duolog/adapters/stream/contract"
)

// serveContract serves what consumers may rely on. It says nothing about anybody, so it needs no token.
func (a *api) serveContract() error {
	doc, err := contract.AsyncAPI(a.Version, a.PublicURL)
	if err != nil {
		return fmt.Errorf("asyncapi document: %w", err)
	}
	list, err := json.Marshal(map[string]any{"types": contract.List()})
	if err != nil {
		return fmt.Errorf("list of schemas: %w", err)
	}
	fixed := func(kind string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body)
		}
	}
	a.mux.HandleFunc("GET /asyncapi.json", fixed("application/vnd.aai.asyncapi+json;version=3.0.0", doc))
	a.mux.HandleFunc("GET /schemas", fixed("application/json", list))
	a.mux.HandleFunc("GET /schemas/{type}/{version}", func(w http.ResponseWriter, r *http.Request) {
		version, _ := strconv.Atoi(r.PathValue("version"))
		schema, ok := contract.Published(r.PathValue("type"), version)
		if !ok {
			writeProblem(w, problem(http.StatusNotFound, "there is no such schema; GET /schemas lists them"))
			return
		}
		fixed("application/schema+json", schema)(w, r)
	})
	return nil
}
