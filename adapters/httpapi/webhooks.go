package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// hookTime bounds the work on a delivery: HubSpot waits 5 s, and an answer it does not hear is one it asks for again.
const hookTime = 4500 * time.Millisecond

// hookInput is a delivery on a connection's own path.
type hookInput struct {
	Connection string `path:"connection" maxLength:"100"`
	AppHookInput
}

// AppHookInput is a delivery as it arrived. The body is not looked at before its signature was checked.
type AppHookInput struct {
	RawBody []byte `contentType:"application/json"`
	request *http.Request
}

// Resolve keeps hold of the request: signatures are over its headers and its raw body.
func (in *AppHookInput) Resolve(hc huma.Context) []error {
	in.request, _ = humago.Unwrap(hc)
	return nil
}

// received is the answer to a delivery: 200 and nothing to read.
type received struct{}

func (a *api) registerWebhooks() {
	for _, system := range domain.Systems {
		op := hookOperation(system, "/{connection}", "")
		op.Middlewares = huma.Middlewares{a.bounded(func(connection string) Webhooks {
			hooks, _ := a.hooks(system, connection)
			return hooks
		})}
		register(a, op, "", func(ctx context.Context, in *hookInput) (*received, error) {
			hooks, err := a.hooks(system, in.Connection)
			if err != nil {
				return nil, err
			}
			return a.deliver(ctx, hooks, &in.AppHookInput)
		})
		takeEmpty(op)
	}
	if a.HubSpotApp == nil {
		return
	}
	op := hookOperation(domain.HubSpot, "", " of an app in several portals")
	op.Middlewares = huma.Middlewares{a.bounded(func(string) Webhooks { return a.HubSpotApp })}
	register(a, op, "", func(ctx context.Context, in *AppHookInput) (*received, error) {
		return a.deliver(ctx, a.HubSpotApp, in)
	})
	takeEmpty(op)
}

// takeEmpty lets deliveries without a body through: the framework would refuse them before anyone has looked, and they
// would leave no line.
func takeEmpty(registered huma.Operation) { registered.RequestBody.Required = false }

func hookOperation(system domain.System, path, more string) huma.Operation {
	id := "receive-" + string(system)
	if path == "" {
		id += "-app"
	}
	return huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: "/webhooks/" + string(system) + path,
		Summary: "Webhooks from " + system.Title() + more, Tags: []string{"webhooks"},
		Description: "Authenticated by the sender's signature or credentials. Answers 200 once every event is durable; " +
			"a refused delivery is listed under webhooks/rejected.",
		DefaultStatus: http.StatusOK, SkipValidateBody: true, RequestBody: &huma.RequestBody{},
	}
}

// hooks returns what takes a system's webhooks for a connection.
func (a *api) hooks(system domain.System, connection string) (Webhooks, error) {
	conn, err := a.connection(connection)
	if err != nil {
		return nil, err
	}
	hooks := conn.HubSpot
	if system == domain.Aloware {
		hooks = conn.Aloware
	}
	if hooks == nil {
		return nil, fmt.Errorf("%w: this connection takes no webhooks from %s", ErrNotFound, system.Title())
	}
	return hooks, nil
}

// deliver hands a delivery on. The body is copied: its buffer is used again after the answer, and what is on its way
// to the log may outlive an answer that was cut off.
func (a *api) deliver(ctx context.Context, hooks Webhooks, in *AppHookInput) (*received, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	_, err := hooks.Receive(ctx, a.delivery(in.request, bytes.Clone(in.RawBody)))
	return &received{}, err
}

// delivery puts the configured public URL in place of the host the request came in by: behind a proxy that one says
// nothing, and the sender chooses it.
func (a *api) delivery(r *http.Request, body []byte) adapters.Delivery {
	return adapters.Delivery{
		Method: r.Method, URL: a.PublicURL + r.URL.RequestURI(), Header: r.Header, Body: body, ReceivedAt: a.Clock(),
	}
}

// bounded notes deliveries whose body is too large: they are refused before anyone has read them.
func (a *api) bounded(hooks func(connection string) Webhooks) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		next(hc)
		if hc.Status() != http.StatusRequestEntityTooLarge {
			return
		}
		if h := hooks(hc.Param("connection")); h != nil {
			r, _ := humago.Unwrap(hc)
			_ = h.Refuse(hc.Context(), a.delivery(r, nil), errTooLarge) // answered already
		}
	}
}

var errTooLarge = error(&adapters.Rejection{
	Status: http.StatusRequestEntityTooLarge, Reason: "the body is over 1 MiB",
})
