package app

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
)

// boundInlet takes HubSpot's webhooks only once it is known whose portal the connection belongs to. An app's secret
// signs for every portal it is installed in: the first item told is not always ours.
type boundInlet struct {
	httpapi.Webhooks
	engine *engine
	into   *ingest.Ingest
	known  *atomic.Bool
}

func (e *engine) bound(hooks httpapi.Webhooks, into *ingest.Ingest) boundInlet {
	return boundInlet{Webhooks: hooks, engine: e, into: into, known: &atomic.Bool{}}
}

// ready binds the ingest to the portal the connection was opened with; an error while there is none.
func (b boundInlet) ready(ctx context.Context) error {
	if b.known.Load() {
		return nil
	}
	control, _, err := b.engine.Control(ctx)
	if err != nil {
		return err
	}
	if control.Portal == "" {
		return &adapters.Rejection{
			Status: http.StatusServiceUnavailable, Reason: "the connection is not opened yet: both systems must answer first",
		}
	}
	b.into.Bind(control.Portal)
	b.known.Store(true)
	return nil
}

// Receive refuses with 503, so that the sender comes again, until the connection was opened.
func (b boundInlet) Receive(ctx context.Context, d adapters.Delivery) (ingest.Receipt, error) {
	if err := b.ready(ctx); err != nil {
		return ingest.Receipt{}, err
	}
	return b.Webhooks.Receive(ctx, d)
}
