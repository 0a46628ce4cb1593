package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/export"
)

// ExportOptions say what of the log is given away.
type ExportOptions struct {
	// Contact narrows it to everything about one person; zero: about everybody.
	Contact ulid.ULID
	// Since and Until narrow it to what was recorded from a time on, and before another; zero: from the first, to the last.
	Since, Until time.Time
	// Sealed gives no keys away: that the events are there can be shown, and not read.
	Sealed   bool
	Progress func(done, total int64)
}

// Export writes events with their proofs.
func (a *App) Export(ctx context.Context, w io.Writer, o ExportOptions, by httpapi.By) (export.Summary, error) {
	what, err := a.beginExport(ctx, o, by)
	if err != nil {
		return export.Summary{}, err
	}
	return export.Write(ctx, w, what)
}

// ExportTo is Export for the API: what stands against it is known before the first byte is out.
func (a *App) ExportTo(ctx context.Context, q httpapi.ExportQuery, by httpapi.By) (func(io.Writer) error, error) {
	what, err := a.beginExport(ctx, ExportOptions{Contact: q.Contact, Since: q.Since, Until: q.Until, Sealed: q.Sealed}, by)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		_, err := export.Write(ctx, w, what)
		return err
	}, nil
}

// beginExport says what is given away, in an act that is in the log before the first byte is out.
func (a *App) beginExport(ctx context.Context, o ExportOptions, by httpapi.By) (export.Options, error) {
	if strings.TrimSpace(by.Reason) == "" {
		return export.Options{}, fmt.Errorf("%w: an export needs a reason; it stays in the log", httpapi.ErrBadInput)
	}
	head, err := a.Seal(ctx)
	if err != nil {
		return export.Options{}, err
	}
	what := export.Options{
		DB: a.Store, Log: a.Log, Head: head, Sign: a.sealer.Sign, Key: a.PublicKey(), Scope: "all", Sealed: o.Sealed,
		From: 1, Through: head.Size, Progress: o.Progress,
	}
	if err := a.narrow(ctx, &what, o); err != nil {
		return export.Options{}, err
	}
	_, err = a.Act(ctx, domain.ExportMade, domain.Act{
		Reason: by.Reason, Contact: o.Contact, Export: &domain.Export{
			From: what.From, Through: what.Through, Events: what.Total(), Sealed: o.Sealed, Head: head.Size,
		},
	}, by)
	return what, err
}

// narrow turns a person and a period into positions.
func (a *App) narrow(ctx context.Context, what *export.Options, o ExportOptions) error {
	if o.Contact != (ulid.ULID{}) {
		what.Scope = "contact " + o.Contact.String()
		var err error
		if what.Only, err = a.concerning(ctx, o.Contact, what.Through); err != nil {
			return err
		}
	}
	if !o.Since.IsZero() {
		before, err := a.Contacts.PositionAt(ctx, o.Since.Add(-time.Microsecond))
		if err != nil {
			return err
		}
		what.From = before + 1
		what.Scope += " since " + o.Since.UTC().Format(time.RFC3339)
	}
	if !o.Until.IsZero() {
		last, err := a.Contacts.PositionAt(ctx, o.Until.Add(-time.Microsecond))
		if err != nil {
			return err
		}
		what.Through = min(what.Through, last)
		what.Scope += " until " + o.Until.UTC().Format(time.RFC3339)
	}
	return nil
}
