package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound"
)

// opImport is under which name the end of an import stands in the log.
const opImport = "import aloware"

const (
	importBatch = 200
	maxBadLines = 100 // that are listed; all are counted
)

// Import says what a file is.
type Import struct {
	AsOf time.Time // when it was exported: every value in it counts from there
	// As says of columns which property they are, by header.
	As map[string]string
	// Dry reads the file and stores nothing.
	Dry      bool
	Progress func(rows int64)
}

// ImportAloware takes the contacts of a CSV file in, as Aloware showed them when it was exported. A value that is older
// than what was seen since changes nothing, and the same file again appends nothing.
func (a *App) ImportAloware(ctx context.Context, file io.Reader, in Import, by httpapi.By) (httpapi.Imported, error) {
	i, err := a.importing(ctx, file, in)
	if err != nil {
		return httpapi.Imported{}, err
	}
	for end := false; !end && err == nil; {
		var rows []aloware.Row
		if rows, end, err = i.batch(); err == nil {
			err = i.take(ctx, rows)
		}
		if in.Progress != nil {
			in.Progress(i.sum.Rows)
		}
	}
	if err != nil || in.Dry || i.sum.Facts == 0 {
		return i.sum, err
	}
	_, err = a.Act(ctx, domain.OperationFinished, domain.Act{
		Name: opImport, Reason: by.Reason, Counts: map[string]int64{
			"rows": i.sum.Rows, "facts": i.sum.Facts, "unchanged": i.sum.Unchanged, "repeated": i.sum.Repeated, "bad": i.sum.Bad,
		},
	}, by)
	return i.sum, err
}

// importFile is ImportAloware for the HTTP API.
func (a *App) importFile(ctx context.Context, file io.Reader, asOf time.Time, by httpapi.By) (httpapi.Imported, error) {
	return a.ImportAloware(ctx, file, Import{AsOf: asOf}, by)
}

// importing is an import under way.
type importing struct {
	*App
	in     Import
	export *aloware.Export
	wanted []string // properties that are read of Aloware
	region string   // of numbers without a country
	system adapters.System
	sum    httpapi.Imported
}

func (a *App) importing(ctx context.Context, file io.Reader, in Import) (*importing, error) {
	control, _, err := a.Control(ctx)
	switch {
	case err != nil:
		return nil, err
	case in.AsOf.IsZero() || in.AsOf.After(a.now()):
		return nil, fmt.Errorf("%w: say when the file was exported: a time that has passed", httpapi.ErrBadInput)
	case !control.Opened:
		return nil, fmt.Errorf("%w: this connection was never opened: run duolog serve first", httpapi.ErrConflict)
	}
	export, err := aloware.NewExport(file, in.As)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", httpapi.ErrBadInput, err)
	}
	systems, err := a.systems(control.Settings)
	if err != nil {
		return nil, err
	}
	i := &importing{
		App: a, in: in, export: export, wanted: control.Settings.ReadProperties(domain.Aloware), system: systems[domain.Aloware],
		region: control.Settings.PhoneRegion,
	}
	for _, c := range export.Columns() {
		i.sum.Columns = append(i.sum.Columns, httpapi.ImportColumn{Header: c.Header, Property: c.Property, Mapped: slices.Contains(i.wanted, c.Property)})
	}
	for _, p := range i.wanted {
		if !export.Has(p) && p != "intake_source" {
			i.sum.Missing = append(i.sum.Missing, p)
		}
	}
	return i, nil
}

// batch reads the next lines.
func (i *importing) batch() (rows []aloware.Row, end bool, err error) {
	for len(rows) < importBatch {
		row, err := i.export.Next()
		var bad *aloware.LineError
		switch {
		case errors.Is(err, io.EOF):
			return rows, true, nil
		case errors.As(err, &bad):
			i.bad(bad.Line, bad.Reason)
		case err != nil:
			return nil, false, fmt.Errorf("read the file: %w", err)
		default:
			i.sum.Rows++
			rows = append(rows, row)
		}
	}
	return rows, false, nil
}

func (i *importing) bad(line int, reason string) {
	if i.sum.Bad++; i.sum.Bad <= maxBadLines {
		i.sum.Lines = append(i.sum.Lines, httpapi.ImportLine{Line: line, Reason: reason})
	}
}

// take stores what the rows show and was not known.
func (i *importing) take(ctx context.Context, rows []aloware.Row) error {
	var observed []outbound.Observed
	var facts []domain.Fact
	for _, row := range rows {
		id, shown, err := i.whose(ctx, row)
		if err != nil {
			return err
		}
		if id == "" {
			continue
		}
		f := domain.Fact{
			Via: domain.ViaImport, Properties: row.Properties, Complete: len(i.sum.Missing) == 0, Clock: i.in.AsOf.UnixMicro(),
		}
		if shown != nil { // asked for just now: that is newer than the file
			f = observation(domain.ViaImport, *shown)
		}
		observed = append(observed, outbound.Observed{Record: domain.Record{System: domain.Aloware, ID: id}, Properties: f.Properties})
		facts = append(facts, f)
	}
	which, err := outbound.Differing(ctx, i.Store, i.Log, observed)
	if err != nil {
		return err
	}
	i.sum.Unchanged += int64(len(observed) - len(which))
	if i.in.Dry {
		i.sum.Facts += int64(len(which))
		return nil
	}
	events := make([]eventstore.NewEvent, len(which))
	for k, at := range which {
		if events[k], err = i.fact(observed[at].Record, facts[at]); err != nil {
			return err
		}
	}
	return i.store(ctx, events)
}

// whose is the id of a row's contact: it names it, it is known by its number, or Aloware is asked for that.
func (i *importing) whose(ctx context.Context, row aloware.Row) (id string, shown *adapters.Snapshot, err error) {
	if row.ID != "" {
		return row.ID, nil, nil
	}
	found, err := i.Contacts.Find(ctx, row.Phone)
	if err != nil {
		return "", nil, err
	}
	var ids []string
	for _, c := range found {
		for _, r := range c.Records {
			if r.System == domain.Aloware && !slices.Contains(ids, r.ID) {
				ids = append(ids, r.ID)
			}
		}
	}
	switch {
	case len(ids) == 1:
		return ids[0], nil, nil
	case len(ids) > 1:
		i.bad(row.Line, "several contacts of Aloware have this number; add a column id")
		return "", nil, nil
	}
	return i.ask(ctx, row)
}

func (i *importing) ask(ctx context.Context, row aloware.Row) (string, *adapters.Snapshot, error) {
	phone := i.e164(row.Phone)
	if phone == "" {
		i.bad(row.Line, "no id, and the phone number cannot be read")
		return "", nil, nil
	}
	i.sum.Asked++
	a := i.system.Read(ctx, []adapters.ReadRequest{{By: "phone", Value: phone, Properties: i.wanted}})[0]
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case a.Err != nil:
		i.bad(row.Line, "no id, and Aloware did not answer for its number: import the file again")
	case len(a.Records) == 0:
		i.bad(row.Line, "no id, and Aloware has nobody under its number any more")
	default:
		return a.Records[0].Record.ID, &a.Records[0], nil
	}
	return "", nil, nil
}

// e164 reads a number as the connection's settings do, empty when it is none.
func (i *importing) e164(text string) string {
	p, err := domain.ParsePhone(text, i.region)
	if err != nil {
		return ""
	}
	return p.E164
}

// fact is keyed by what it says: the same row of the same export is stored once, however often the file is imported.
func (i *importing) fact(r domain.Record, f domain.Fact) (eventstore.NewEvent, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("fact of %s: a value is not JSON", r)
	}
	sum := sha256.Sum256(data)
	return once(eventstore.NewEvent{
		ID: i.NewID(), Stream: r.Stream(), Type: domain.RecordObserved, Schema: domain.SchemaOf(domain.RecordObserved),
		OccurredAt: f.Clock, Actor: string(r.System), Subject: r.Stream(), Data: data,
	}, i.Log.Vault().Blind("import", r.Stream()+" "+string(sum[:]))), nil
}

// store appends facts together. When one of them cannot be stored each goes by itself: of what belongs to an erased
// person is stored that it came.
func (i *importing) store(ctx context.Context, facts []eventstore.NewEvent) error {
	if len(facts) == 0 {
		return nil
	}
	done, err := i.Log.Append(ctx, facts...)
	if errors.Is(err, eventstore.ErrErased) || errors.Is(err, eventstore.ErrInvalid) {
		for _, f := range facts {
			one, err := i.storeOne(ctx, f)
			if err != nil {
				return err
			}
			done = append(done, one...)
		}
		err = nil
	}
	for _, d := range done {
		if d.Duplicate {
			i.sum.Repeated++
		} else {
			i.sum.Facts++
		}
	}
	return err
}

// storeOne returns nothing of what was not stored as it is.
func (i *importing) storeOne(ctx context.Context, f eventstore.NewEvent) (done []eventstore.Appended, err error) {
	store := func(e eventstore.NewEvent) (err error) {
		done, err = i.Log.Append(ctx, e)
		return err
	}
	if err = store(f); errors.Is(err, eventstore.ErrErased) {
		err = i.storeRefused(ctx, &f, store)
	}
	switch {
	case err == nil && f.Type != domain.RecordSuppressed:
		return done, nil
	case err != nil && !errors.Is(err, eventstore.ErrInvalid):
		return nil, err
	}
	i.sum.Withheld++
	return nil, nil
}
