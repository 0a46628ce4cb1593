package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/duolog/duolog/adapters/stream/contract"
)

type schemaInput struct {
	Type    string `path:"type" maxLength:"100" doc:"Event type"`
	Version string `path:"version" maxLength:"9" doc:"Schema number of the event" example:"1"`
}

// document is an answer that is JSON of another content type.
type document struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// registerContract serves what consumers may rely on. It says nothing about anybody, so it needs no token.
func (a *api) registerContract() error {
	doc, err := contract.AsyncAPI(a.Version, a.PublicURL)
	if err != nil {
		return fmt.Errorf("asyncapi document: %w", err)
	}
	list, err := json.Marshal(map[string]any{"types": contract.List()})
	if err != nil {
		return fmt.Errorf("list of schemas: %w", err)
	}
	const asyncAPI, schema = "application/vnd.aai.asyncapi+json;version=3.0.0", "application/schema+json"
	fixed := func(kind string, body []byte) func(context.Context, *nothing) (*document, error) {
		return func(context.Context, *nothing) (*document, error) { return &document{kind, body}, nil }
	}
	register(a, published("asyncapi", "/asyncapi.json", "The event stream as AsyncAPI 3 describes it", asyncAPI), "", fixed(asyncAPI, doc))
	register(a, published("list-schemas", "/schemas", "Event types and the schemas of their data", "application/json"), "",
		fixed("application/json", list))
	register(a, published("get-schema", "/schemas/{type}/{version}", "JSON Schema of the data of an event type", schema), "",
		func(_ context.Context, in *schemaInput) (*document, error) {
			version, ok := count(in.Version)
			body, published := contract.Published(in.Type, int(version))
			if !ok || !published {
				return nil, problem(http.StatusNotFound, "there is no such schema; GET /schemas lists them")
			}
			return &document{schema, body}, nil
		})
	return nil
}

func published(id, path, summary, kind string) huma.Operation {
	op := get(id, path, summary, "contract")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The document", Content: map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeObject}}},
	}}
	return op
}
