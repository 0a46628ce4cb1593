package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// maxBody is the largest request body taken, in bytes.
const maxBody = 1 << 20

type api struct {
	Config
	huma    huma.API
	mux     *http.ServeMux
	metrics *metrics
	tails   sync.Map // eventstore.Log: *stream.Tail
	// deciding are the names of connections on which something decides again.
	deciding sync.Map
}

// New returns the handler of the whole surface.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &api{Config: cfg, mux: http.NewServeMux(), metrics: newMetrics(cfg.Registry)}
	a.huma = speaksJSON{huma.NewAPI(description(cfg.Version), newRouter(a.mux))}
	a.registerWebhooks()
	a.registerFeed()
	a.registerConsumers()
	a.registerContacts()
	a.registerCard()
	a.registerExplain()
	a.registerCatalogs()
	a.registerPlans()
	a.registerProjections()
	a.registerRouting()
	a.registerCommands()
	a.registerSync()
	a.registerImport()
	a.registerSettings()
	a.registerMapping()
	a.registerTests()
	a.registerReplays()
	a.registerReview()
	a.registerErasures()
	a.registerTokens()
	a.registerProof()
	a.registerConnections()
	a.registerSetup()
	a.registerReport()
	a.registerExport()
	a.registerHealth()
	if err := a.registerContract(); err != nil {
		return nil, err
	}
	if err := a.serveDescription(); err != nil {
		return nil, err
	}
	a.mux.HandleFunc("/", a.noSuchThing)
	return a.observed(a.guarded(a.mux)), nil
}

// speaksJSON is the framework without its choice of formats, of which there is one: it panics on some headers that make no
// sense.
type speaksJSON struct{ huma.API }

func (speaksJSON) Negotiate(string) (string, error) { return jsonPage, nil }

func description(version string) huma.Config {
	cfg := huma.DefaultConfig("Duolog", version)
	cfg.Info.Description = "Keeps contacts in step between Aloware and HubSpot, and can tell why for every value."
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	cfg.Transformers = []huma.Transformer{quiet}
	cfg.CreateHooks = nil                  // no $schema members and Link headers in answers
	cfg.DocsPath, cfg.SchemasPath = "", "" // the page would load its scripts from elsewhere
	cfg.OpenAPIPath = ""                   // served by serveDescription, complete and made once
	return cfg
}

// schemaName tells types of the same name in other packages apart.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch pkg := path.Base(t.PkgPath()); pkg {
	case "catalogs", "history", "operations", "planner", "projections", "replay", "settings":
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

// serveDescription serves the OpenAPI document of what is registered by now.
func (a *api) serveDescription() error {
	a.describeProblems()
	doc, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("openapi document: %w", err)
	}
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(doc)
	})
	return nil
}

// describeProblems puts our problem documents in place of the framework's errors, which are never answered.
func (a *api) describeProblems() {
	schemas := a.huma.OpenAPI().Components.Schemas
	failed := &huma.Response{
		Description: "A problem document (RFC 9457)",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")},
		},
	}
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op != nil {
				op.Responses["default"] = failed
			}
		}
	}
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
}

// register adds an operation that needs the right to the verb; an empty verb needs no token.
func register[I, O any](a *api, op huma.Operation, verb Verb, handle func(context.Context, *I) (*O, error)) {
	if verb != "" {
		op.Security = []map[string][]string{{"token": {}}}
		op.Description = strings.TrimSpace(fmt.Sprintf("%s\n\nNeeds the right `%s`.", op.Description, verb))
		op.Middlewares = append(op.Middlewares, a.authorize(verb))
	}
	op.MaxBodyBytes = max(op.MaxBodyBytes, maxBody) + 1 // the framework refuses a body that reaches the limit, not one that exceeds it
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.answer(ctx, err)
		}
		return out, nil
	})
}

// authorize lets a request through whose token's role may do the verb on the connection.
func (a *api) authorize(verb Verb) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		_, w := humago.Unwrap(hc)
		token, connection := bearer(hc.Header("Authorization")), hc.Param("connection")
		who, ok := a.Authorizer.Identify(hc.Context(), token)
		if !ok {
			w.Header().Set("WWW-Authenticate", challenge)
			writeProblem(w, unauthorized())
			return
		}
		if refusal := who.refused(verb, connection); refusal != "" {
			a.Logger.LogAttrs(hc.Context(), slog.LevelInfo, "request not allowed",
				slog.String("actor", who.Actor()), slog.String("verb", string(verb)))
			writeProblem(w, problem(http.StatusForbidden, refusal))
			return
		}
		still := func(ctx context.Context) bool {
			now, ok := a.Authorizer.Identify(ctx, token)
			return ok && now.refused(verb, connection) == "" && now.data() == who.data()
		}
		next(huma.WithContext(hc, withHolder(hc.Context(), holder{who, still})))
	}
}

// strict refuses a query with a parameter that is none: a filter that was mistyped must not let everything through.
func strict(hc huma.Context, next func(huma.Context)) {
	var known []string
	for _, p := range hc.Operation().Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	u := hc.URL()
	for name := range u.Query() {
		if !slices.Contains(known, name) {
			_, w := humago.Unwrap(hc)
			writeProblem(w, problem(http.StatusBadRequest, "the query names a parameter there is none of; there are "+strings.Join(known, ", ")))
			return
		}
	}
	next(hc)
}

// connection returns the named connection.
func (a *api) connection(name string) (Connection, error) {
	conn, ok := a.Connection(name)
	if !ok {
		return conn, fmt.Errorf("%w: there is no connection of this name", ErrNotFound)
	}
	return conn, nil
}

// noSuchThing answers what no pattern matches: 405 when the path is served by other methods, else 404.
func (a *api) noSuchThing(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := a.mux.Handler(probe); pattern != "/" && pattern != "" {
			allow = append(allow, method)
		}
	}
	if len(allow) == 0 {
		writeProblem(w, problem(http.StatusNotFound, "nothing is served here; see /openapi.json"))
		return
	}
	w.Header()["Allow"] = allow
	writeProblem(w, problem(http.StatusMethodNotAllowed, "this path is served by other methods; see /openapi.json"))
}
