package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/eventstore"
)

const (
	// pageSize is how many events are read and written at a time: the unit of memory, deadline and flush.
	pageSize = 1000
	// scanLimit is how many events one answer looks at when few of them pass the filter.
	scanLimit = 100 * pageSize
	// contactPoll is how often a reader of one contact's events looks for more.
	contactPoll = 200 * time.Millisecond

	ndjson      = "application/x-ndjson"
	jsonPage    = "application/json"
	eventStream = "text/event-stream"
)

type feedInput struct {
	Connection string `path:"connection" maxLength:"100"`
	After      string `query:"after" maxLength:"80" doc:"Read after this checkpoint: log:generation:position, or less of it; head: only what comes from now on" example:"1:8412"`
	Limit      int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"Most events to answer with."`
	View       string `query:"view" enum:"log,contacts" doc:"log, or contacts: one contact.changed for each real change"`
	Type       string `query:"type" maxLength:"1000" doc:"Event types, separated by commas; record.* means a family"`
	Contact    string `query:"contact" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID: only what concerns this contact"`
	Field      string `query:"field" maxLength:"1000" doc:"Only events that name one of these fields or properties, and erasures"`
	System     string `query:"system" maxLength:"50" doc:"hubspot or aloware: only events of its records, and erasures"`
	Wait       int    `query:"wait" minimum:"0" maximum:"50" doc:"Seconds to wait for an event when there is none"`
	Accept     string `header:"Accept" maxLength:"1000"`
	LastEvent  string `header:"Last-Event-ID" maxLength:"80" doc:"With text/event-stream, what after is otherwise"`
}

const feedHelp = "CloudEvents 1.0 as JSON in position order without holes: one a line, or a JSON page (`Accept: " +
	"application/json`), or live as server-sent events (`Accept: text/event-stream`), where the id of each is its " +
	"checkpoint and `Last-Event-ID` resumes. `Accept` is read with its weights, and what names none of these is answered " +
	"406; a stream without an end must be named. Delivery is at least once: store the checkpoint with what you did, and send " +
	"it as `after` next time. It is the header Duolog-Next, the page's `next`, the id, or, in a filtered stream, the id of " +
	"the last line, whose type is `duolog.position`. A checkpoint of another log or generation, or past the end, is " +
	"answered 409 with `continue_after`. Roles without the right to read values get ids and property names only " +
	"(extension `fields` is `ids`), and what was erased has the extension `erased` and no data."

func (a *api) registerFeed() {
	text := func(doc string) *huma.Param {
		return &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}, Description: doc}
	}
	register(a, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/connections/{connection}/events",
		Summary: "Events in order, from where you left off", Tags: []string{"feed"}, Description: feedHelp,
		Middlewares: huma.Middlewares{patient, strict},
		Responses: map[string]*huma.Response{"200": {
			Description: "A page of the feed, possibly empty",
			Content: map[string]*huma.MediaType{
				ndjson:      {Schema: &huma.Schema{Type: huma.TypeString}},
				eventStream: {Schema: &huma.Schema{Type: huma.TypeString}},
				jsonPage: {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
					"events": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject}},
					"next":   {Type: huma.TypeString}, "head": {Type: huma.TypeString}, "through": {Type: huma.TypeString},
				}}},
			},
			Headers: map[string]*huma.Param{
				"Duolog-Log-Id": text("Id of the log (ULID)"), "Duolog-Generation": text("Raised by every restore"),
				"Duolog-Head":    text("Last position of the log"),
				"Duolog-Next":    text("The checkpoint to go on from; of a filtered stream it is a trailer"),
				"Duolog-Through": text("With contact: up to where it is known what concerns it"),
			},
		}},
	}, ReadFeed, a.events)
}

// patient lifts the limit on how long a request may be read, which also ends one that is being waited with.
func patient(hc huma.Context, next func(huma.Context)) {
	_, w := humago.Unwrap(hc)
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // what cannot set one has none
	next(hc)
}

// feed is one answer: what a filter lets through after a position, in pages.
type feed struct {
	tail     *stream.Tail
	head     eventstore.Head
	enc      cloudevent.Encoder
	data     string
	filter   stream.Filter
	timeline stream.Timeline
	contact  ulid.ULID
	after    int64 // looked at so far
	left     int   // events still to answer with
	scanned  int
	through  int64 // with a contact: how far is known
	ended    bool  // there is no more for now
}

// narrowed reports whether events are left out, so that the position of the last one says too little.
func (f *feed) narrowed() bool { return !f.filter.All() || !f.contact.IsZero() }

// events reads the first page before the first byte is sent, so that what fails can still be said.
func (a *api) events(ctx context.Context, in *feedInput) (*huma.StreamResponse, error) {
	kind := accepted(in.Accept, ndjson, jsonPage, eventStream)
	if kind == "" {
		return nil, notAcceptable(ndjson, jsonPage, eventStream)
	}
	f, err := a.feed(ctx, in, kind)
	if err != nil {
		return nil, err
	}
	if kind == eventStream {
		return &huma.StreamResponse{Body: func(hc huma.Context) { a.follow(hc, f) }}, nil
	}
	page, err := f.wait(ctx, time.Duration(in.Wait)*time.Second)
	if err == nil && in.Wait > 0 {
		err = stillAllowed(ctx)
	}
	if err != nil {
		return nil, err
	}
	form := form(lines{})
	if kind != ndjson {
		form = &object{}
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { a.stream(hc, f, page, form) }}, nil
}

func (a *api) feed(ctx context.Context, in *feedInput, kind string) (*feed, error) {
	conn, err := a.connection(in.Connection)
	if err != nil {
		return nil, err
	}
	after, where := in.After, "query.after"
	if in.LastEvent != "" && kind == eventStream {
		after, where = in.LastEvent, "header.Last-Event-ID"
	}
	fromEnd := after == "head"
	if fromEnd {
		after = ""
	}
	at, err := parseCheckpoint(after)
	if err != nil {
		return nil, badCheckpoint(where)
	}
	filter, err := stream.NewFilter(in.View, in.Type, in.Field, in.System)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	data, err := conn.readsFeed(ctx)
	if err != nil {
		return nil, err
	}
	head, err := conn.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	f := &feed{
		tail: a.tail(conn.Log), head: head, data: data, filter: filter, left: in.Limit,
		enc: cloudevent.New(in.Connection, head, data),
	}
	if f.after, err = at.in(ctx, conn.Log, head); fromEnd {
		f.after = head.Position
	}
	if err != nil || in.Contact == "" {
		return f, err
	}
	if conn.Contacts == nil || conn.History == nil {
		return nil, fmt.Errorf("%w: this connection has no contacts here", ErrNotFound)
	}
	f.timeline = conn.History
	f.contact, err = contactID(ctx, conn.Contacts, in.Contact)
	return f, err
}

// tail is what all who follow a log share.
func (a *api) tail(log eventstore.Log) *stream.Tail {
	t, _ := a.tails.LoadOrStore(log, stream.NewTail(log))
	return t.(*stream.Tail) //nolint:forcetypeassert // nothing else is stored
}

// page looks at the next stretch of the log, up to the head there was.
func (f *feed) page(ctx context.Context) (stream.Page, error) {
	if f.ended || f.left <= 0 || f.scanned >= scanLimit {
		return stream.Page{Through: f.after}, nil
	}
	var p stream.Page
	var err error
	if f.contact.IsZero() {
		limit := int(min(pageSize, max(f.head.Position-f.after, 0)))
		if !f.narrowed() {
			limit = min(limit, f.left)
		}
		p, err = f.filter.Read(ctx, f.tail, f.after, limit)
		f.scanned += limit
		f.ended = p.Through >= f.head.Position || p.Through < f.after+int64(limit)
	} else {
		limit := pageSize
		if f.filter.All() {
			limit = min(limit, f.left)
		}
		p, f.through, err = f.filter.ReadContact(ctx, f.tail, f.timeline, f.contact, f.after, limit)
		f.scanned += limit
		f.ended = p.Through >= f.through
	}
	if err != nil {
		return p, err
	}
	if len(p.Events) > f.left {
		p.Events = p.Events[:f.left]
		p.Through = p.Events[f.left-1].Position
		f.ended = false
	}
	f.left -= len(p.Events)
	f.after = p.Through
	return p, nil
}

// wait returns the first page with an event, or an empty one when the time is over.
func (f *feed) wait(ctx context.Context, long time.Duration) (stream.Page, error) {
	until, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	for {
		p, err := f.page(ctx)
		if err != nil || len(p.Events) > 0 || f.scanned >= scanLimit || f.ended && until.Err() != nil {
			return p, err
		}
		if !f.ended {
			continue
		}
		if err := f.more(until); err != nil && until.Err() == nil {
			return p, err
		}
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if f.head, err = f.tail.Head(ctx); err != nil {
			return p, err
		}
		f.ended = until.Err() != nil && f.head.Position <= f.after
	}
}

// more waits for what may be worth reading.
func (f *feed) more(ctx context.Context) error {
	if f.contact.IsZero() {
		return f.tail.Wait(ctx, f.after)
	}
	select { // what concerns a contact becomes known a moment after the log has moved
	case <-time.After(contactPoll):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// form is how events are laid out in an answer that ends.
type form interface {
	contentType() string
	page(b []byte, f *feed, p stream.Page) []byte
	end(b []byte, f *feed) []byte
}

// lines is NDJSON. A narrowed stream ends with a mark that says how far it looked.
type lines struct{}

func (lines) contentType() string { return ndjson }

func (lines) page(b []byte, f *feed, p stream.Page) []byte {
	for _, e := range p.Events {
		b = f.enc.Line(b, e)
	}
	return b
}

func (lines) end(b []byte, f *feed) []byte {
	if f.narrowed() {
		return f.enc.Mark(b, f.after)
	}
	return b
}

// object is a JSON page.
type object struct{ begun bool }

func (*object) contentType() string { return jsonPage }

func (o *object) page(b []byte, f *feed, p stream.Page) []byte {
	for _, e := range p.Events {
		b = f.enc.Line(append(b, o.before()...), e)
	}
	return b
}

func (o *object) before() string {
	if o.begun {
		return ","
	}
	o.begun = true
	return `{"events":[`
}

func (o *object) end(b []byte, f *feed) []byte {
	if !o.begun {
		b = append(b, o.before()...)
	}
	b = append(b, `],"next":"`+f.enc.Checkpoint(f.after)+`","head":"`+f.enc.Checkpoint(f.head.Position)+`"`...)
	if !f.contact.IsZero() {
		b = append(b, `,"through":"`+f.enc.Checkpoint(f.through)+`"`...)
	}
	return append(b, "}\n"...)
}

// stream writes pages until the end. A failure midway cuts the connection: an answer that ended early must not look
// complete.
func (a *api) stream(hc huma.Context, f *feed, page stream.Page, form form) {
	_, w := humago.Unwrap(hc)
	a.feedHeaders(hc, f, form.contentType())
	hc.SetStatus(http.StatusOK)
	var err error
	buf := make([]byte, 0, 64<<10)
	for {
		buf = form.page(buf[:0], f, page)
		done := f.ended || f.left <= 0 || f.scanned >= scanLimit
		if done {
			buf = form.end(buf, f)
		}
		if len(buf) > 0 {
			err = a.send(w, buf)
		}
		if err != nil || done {
			break
		}
		if page, err = f.page(hc.Context()); err != nil {
			break
		}
	}
	if err != nil {
		a.Logger.LogAttrs(hc.Context(), slog.LevelWarn, "feed cut short", slog.String("error", err.Error()))
		panic(http.ErrAbortHandler)
	}
	if f.narrowed() {
		w.Header().Set("Duolog-Next", f.enc.Checkpoint(f.after))
	}
}

func (a *api) feedHeaders(hc huma.Context, f *feed, contentType string) {
	hc.SetHeader("Content-Type", contentType)
	hc.SetHeader("Duolog-Log-Id", f.head.LogID.String())
	hc.SetHeader("Duolog-Generation", fmt.Sprint(f.head.Generation))
	hc.SetHeader("Duolog-Head", f.enc.Checkpoint(f.head.Position))
	if !f.contact.IsZero() {
		hc.SetHeader("Duolog-Through", f.enc.Checkpoint(f.through))
	}
	switch {
	case contentType == eventStream:
		hc.SetHeader("X-Accel-Buffering", "no") // proxies that would collect events
	case f.narrowed():
		hc.SetHeader("Trailer", "Duolog-Next")
	default: // positions have no holes, so where it ends is known before it is read
		hc.SetHeader("Duolog-Next", f.enc.Checkpoint(min(f.after+int64(f.left), f.head.Position)))
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
