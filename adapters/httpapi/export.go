package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/oklog/ulid/v2"
)

// ExportQuery says what of a log is given away.
type ExportQuery struct {
	Contact      ulid.ULID // only one person's events; zero: everybody's
	Since, Until time.Time
	Sealed       bool // give no keys away
}

// Exporter puts an export into the log and returns what writes it.
type Exporter func(ctx context.Context, q ExportQuery, by By) (func(io.Writer) error, error)

type exportInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Contact string    `json:"contact,omitempty" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID: all that its history shows, acts that name it, and unread bodies that name the person"`
		From    time.Time `json:"from,omitzero" doc:"Only what was recorded from this time on"`
		To      time.Time `json:"to,omitzero" doc:"Only what was recorded before this time"`
		Sealed  bool      `json:"sealed,omitempty" doc:"Give no keys away: that events are there can be shown, and not read"`
		Reason  string    `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

func (a *api) registerExport() {
	op := act("export", "/v1/connections/{connection}/export", "Events in a form that proves itself",
		"NDJSON: a header with the signed head, a CloudEvent a line with its proof and the key that opens it, and a signed "+
			"end. `duolog verify-export` checks it with the public key alone; a file that was cut short does not pass.")
	op.Tags = []string{"proof"}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The export", Content: map[string]*huma.MediaType{ndjson: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	register(a, op, ExportLog, a.export)
}

func (a *api) export(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	conn, err := a.contacts(in.Connection)
	if err == nil && conn.Export == nil {
		err = fmt.Errorf("%w: nothing is exported here", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	q := ExportQuery{Since: in.Body.From, Until: in.Body.To, Sealed: in.Body.Sealed}
	if in.Body.Contact != "" {
		if q.Contact, err = contactID(ctx, conn.Contacts, in.Body.Contact); err != nil {
			return nil, err
		}
	}
	write, err := conn.Export(ctx, q, By{Actor: identity(ctx).Actor(), Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", ndjson)
		hc.SetStatus(http.StatusOK)
		_, w := humago.Unwrap(hc)
		out := bufio.NewWriterSize(&steady{w, a.PageTimeout}, 64<<10)
		err := write(out)
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			a.Logger.LogAttrs(ctx, slog.LevelWarn, "an export ended early", slog.Any("error", err))
			panic(http.ErrAbortHandler) // a whole answer must not look like one
		}
	}}, nil
}

// steady gives each piece of a long answer the time of a page.
type steady struct {
	http.ResponseWriter
	timeout time.Duration
}

func (s *steady) Write(b []byte) (int, error) {
	_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(s.timeout)) // what cannot set one has none
	return s.ResponseWriter.Write(b)
}
