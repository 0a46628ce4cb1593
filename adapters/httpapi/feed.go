package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/duolog/duolog/eventstore"
)

// pageSize is how many events are read and written at a time: the unit of memory, deadline and flush.
const pageSize = 1000

const ndjson = "application/x-ndjson"

type feedInput struct {
	Connection string `path:"connection" maxLength:"100"`
	After      string `query:"after" maxLength:"50" doc:"Read after this position or generation:position" example:"1:8412"`
	Limit      int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"Most events to answer with."`
}

// feed is one answer: events after a position up to a last one, in pages.
type feed struct {
	log     eventstore.Log
	head    eventstore.Head
	enc     encoder
	after   int64
	through int64 // the last position the answer holds; positions have no holes, so it is known before reading
}

func (a *api) registerFeed() {
	register(a, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/connections/{connection}/events",
		Summary: "Events in order, from where you left off", Tags: []string{"feed"},
		Description: "CloudEvents 1.0 as JSON, one a line, in position order without holes. Delivery is at least " +
			"once: store the Duolog-Next header with what you did, and send it as `after` next time. A checkpoint of " +
			"another generation or past the end is answered 409 with `continue_after`. Roles without the right to " +
			"read values get ids and property names only (extension `fields` is `ids`).",
		Responses: map[string]*huma.Response{"200": {
			Description: "A page of the feed, possibly empty",
			Content:     map[string]*huma.MediaType{ndjson: {Schema: &huma.Schema{Type: huma.TypeString}}},
			Headers: map[string]*huma.Param{
				"Duolog-Log-Id":     {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Id of the log (ULID)"},
				"Duolog-Generation": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Raised by every restore"},
				"Duolog-Head":       {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Last position of the log"},
				"Duolog-Next":       {Schema: &huma.Schema{Type: huma.TypeString}, Description: "The checkpoint to go on from"},
			},
		}},
	}, ReadFeed, a.events)
}

// events reads the first page before the first byte is sent, so that what fails can still be said.
func (a *api) events(ctx context.Context, in *feedInput) (*huma.StreamResponse, error) {
	conn, err := a.connection(in.Connection)
	if err != nil {
		return nil, err
	}
	at, err := parseCheckpoint(in.After)
	if err != nil {
		return nil, err
	}
	head, err := conn.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	after, err := at.on(head)
	if err != nil {
		return nil, err
	}
	f := &feed{
		log: conn.Log, head: head, after: after, through: min(after+int64(in.Limit), head.Position),
		enc: newEncoder(in.Connection, head, identity(ctx).data()),
	}
	first, err := f.page(ctx)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { a.stream(hc, f, first) }}, nil
}

// page returns the next page as lines, nil at the end.
func (f *feed) page(ctx context.Context) ([]byte, error) {
	if f.after >= f.through {
		return nil, nil
	}
	events, err := f.log.Read(ctx, f.after, int(min(pageSize, f.through-f.after)))
	if err != nil {
		return nil, err
	}
	lines := make([]byte, 0, len(events)*700)
	for _, e := range events {
		lines = f.enc.line(lines, e)
		f.after = e.Position
	}
	return lines, nil
}

// stream writes pages until the end. A failure midway cuts the connection: an answer that ended early must not look
// complete.
func (a *api) stream(hc huma.Context, f *feed, page []byte) {
	_, w := humago.Unwrap(hc)
	hc.SetHeader("Content-Type", ndjson)
	hc.SetHeader("Duolog-Log-Id", f.head.LogID.String())
	hc.SetHeader("Duolog-Generation", f.enc.generation)
	hc.SetHeader("Duolog-Head", checkpoint{f.head.Generation, f.head.Position}.String())
	hc.SetHeader("Duolog-Next", checkpoint{f.head.Generation, f.through}.String())
	hc.SetStatus(http.StatusOK)
	var err error
	for err == nil && len(page) > 0 {
		if err = a.send(w, page); err == nil {
			page, err = f.page(hc.Context())
		}
	}
	if err != nil || f.after < f.through {
		text := "the log ended before its head"
		if err != nil {
			text = err.Error()
		}
		a.Logger.LogAttrs(hc.Context(), slog.LevelWarn, "feed cut short", slog.String("error", text))
		panic(http.ErrAbortHandler)
	}
}

// send writes one page, flushed, within the time a reader has for it.
func (a *api) send(w http.ResponseWriter, page []byte) error {
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(a.PageTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.Write(page); err != nil {
		return err
	}
	return rc.Flush()
}
