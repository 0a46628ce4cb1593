package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// router is huma's adapter to net/http with our statuses: the framework answers 422 where we say 400.
type router struct{ huma.Adapter }

func newRouter(mux *http.ServeMux) router { return router{humago.NewAdapter(mux, "")} }

func (r router) Handle(op *huma.Operation, handler func(huma.Context)) {
	r.Adapter.Handle(op, func(ctx huma.Context) { handler(&mapped{ctx}) })
}

type hctx = huma.Context

// mapped is a request whose answer carries our status.
type mapped struct{ hctx }

func (m *mapped) SetStatus(code int) { m.hctx.SetStatus(status(code)) }

// Unwrap lets humago.Unwrap find the request behind.
func (m *mapped) Unwrap() huma.Context { return m.hctx }
