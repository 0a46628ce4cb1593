package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/eventstore/seal"
)

// heads is the folder of what is kept of the logs outside their database: HeadsDir, else beside the master key.
func (c Config) heads() kept.Folder {
	switch {
	case c.HeadsDir != "":
		return kept.Folder(c.HeadsDir)
	case c.MasterKeyFile == "":
		return ""
	}
	return kept.Folder(filepath.Join(filepath.Dir(c.MasterKeyFile), "heads"))
}

// listOf is the list of erasures of a log.
func listOf(ctx context.Context, log eventstore.Log) (kept.List, error) {
	head, err := log.Head(ctx)
	return kept.List{Log: head.LogID, Secret: listSecret(log)}, err
}

func listSecret(log eventstore.Log) []byte { return log.Vault().Secret("list of erasures") }

// keepHead keeps a signed head where it outlives the database.
func (a *App) keepHead(h seal.Signed) error { return a.heads().SaveHead(h.Head, h.Note) }

// keepErasures adds to the list outside the database what it lacks: the log says what was erased. A process that died
// between an erasure and the list leaves that to the next.
func (a *App) keepErasures(ctx context.Context) error {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	l := kept.List{Log: head.LogID, Secret: listSecret(a.Log)}
	p, err := a.privacy(ctx)
	if err != nil {
		return err
	}
	there, err := a.heads().Erasures(l)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, kept.ErrDamaged) {
		return err
	}
	listed := map[ulid.ULID]bool{}
	for _, e := range there {
		listed[e.ID] = true
	}
	for i := range p.erasures {
		p.erasures[i].Generation = head.Generation
	}
	return a.heads().Append(l, slices.DeleteFunc(p.erasures, func(e kept.Entry) bool { return listed[e.ID] })...)
}

// listable fails when an erasure could not be put on the list now: before it is made, it can still be left.
func (a *App) listable(ctx context.Context) error {
	l, err := listOf(ctx, a.Log)
	if err != nil {
		return err
	}
	return a.heads().Writable(l)
}

// entry is an act on the stream of privacy as it is kept.
func entry(e eventstore.Event, a domain.Act) kept.Entry {
	k := kept.Entry{
		ID: e.ID, Again: a.Again, Lifted: e.Type == domain.SubjectLifted, Position: e.Position, At: e.RecordedAt,
		Contact: a.Contact, Streams: []string{}, Subjects: a.Subjects,
	}
	for _, r := range a.Records {
		k.Streams = append(k.Streams, r.Stream())
	}
	return k
}

// ErrErasures: what was erased since is not known, so a log may not be put back to an earlier time.
var ErrErasures = errors.New("who was erased since is not known")

// Lists say where lists of erasures are looked for.
type Lists struct {
	// From are files or folders; none: the configured folder.
	From []string
	// None goes on without any: whoever was erased since is back.
	None bool
}

// lost returns the erasures that were made and that the log does not know of.
func (a *App) lost(ctx context.Context, from Lists) ([]kept.Entry, error) {
	if from.None {
		return nil, nil
	}
	l, err := listOf(ctx, a.Log)
	if err != nil {
		return nil, err
	}
	known, err := a.privacy(ctx)
	if err != nil {
		return nil, err
	}
	paths, found := from.From, false
	if len(paths) == 0 {
		paths = []string{string(a.heads())}
	}
	var all []kept.Entry
	for _, path := range paths {
		entries, err := l.Read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrErasures, err)
		}
		found, all = true, append(all, entries...)
	}
	if !found {
		return nil, fmt.Errorf("%w: there is no list of log %s in %v", ErrErasures, l.Log, paths)
	}
	there := map[ulid.ULID]bool{}
	for _, e := range known.erasures {
		there[e.ID], there[e.Again] = true, true
	}
	lost, err := kept.Lost(all, there)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrErasures, err)
	}
	return lost, err
}

// eraseAgain makes an erasure again, or the end of one, that the log has forgotten. Each contact that the records are of now
// gets an act of its own. It may be done again.
func (a *App) eraseAgain(ctx context.Context, e kept.Entry) error {
	contacts, err := a.stand(ctx, e)
	if err != nil {
		return err
	}
	for _, contact := range contacts {
		if err := a.eraseAgainOf(ctx, e, contact); err != nil {
			return fmt.Errorf("make the erasure at %d again: %w", e.Position, err)
		}
	}
	return nil
}

// standing are records of an erasure that are one contact's now.
type standing struct {
	contact ulid.ULID
	records []domain.Record
}

// stand tells whose the records of an erasure are now. One that is not known yet is whose it was.
func (a *App) stand(ctx context.Context, e kept.Entry) ([]standing, error) {
	if err := a.CatchUp(ctx); err != nil {
		return nil, err
	}
	all := []standing{{contact: e.Contact}}
	for _, stream := range e.Streams {
		r, err := domain.ParseRecord(stream)
		if err != nil {
			return nil, fmt.Errorf("list of erasures: %w", err)
		}
		contact := e.Contact
		found, err := a.Contacts.Find(ctx, r.String())
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			contact = found[0].ID
		}
		i := slices.IndexFunc(all, func(s standing) bool { return s.contact == contact })
		if i < 0 {
			i, all = len(all), append(all, standing{contact: contact})
		}
		all[i].records = append(all[i].records, r)
	}
	if len(all[0].records) == 0 && len(all) > 1 { // bodies go with whoever comes first
		all = all[1:]
	}
	return all, nil
}

func (a *App) eraseAgainOf(ctx context.Context, e kept.Entry, s standing) error {
	c, err := a.closureAgain(ctx, e, s)
	if err != nil {
		return err
	}
	kind := domain.SubjectErased
	if e.Lifted {
		kind = domain.SubjectLifted
	}
	act, err := a.act(kind, domain.StreamPrivacy, domain.Act{
		Reason:  fmt.Sprintf("done on %s at #%d, and lost when the log was put back", time.UnixMicro(e.At).UTC().Format(time.RFC3339), e.Position),
		Contact: s.contact, Records: s.records, Subjects: e.Subjects, Again: e.Origin(),
	}, duolog)
	if err != nil {
		return err
	}
	act = once(act, a.Log.Vault().Blind("erased again", e.Origin().String()+" "+s.contact.String()))
	return a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if e.Lifted {
			_, err := tx.Revive(ctx, a.Log, c.streams(), act)
			return err
		}
		outcomes, err := a.clear(ctx, tx, &c)
		if err != nil {
			return err
		}
		_, err = tx.Erase(ctx, a.Log, append(c.streams(), c.others()...), append([]eventstore.NewEvent{act}, outcomes...)...)
		return err
	})
}

// forgotten makes sure that the list holds what was made again, and that the database's files let go of it.
func (a *App) forgotten(ctx context.Context) error {
	return errors.Join(a.keepErasures(ctx), a.Store.Scrub(ctx, scrubbed...))
}

// shortened says how much a log lacks of what its last head spoke for, nil for nothing.
func (a *App) shortened(ctx context.Context) (*ShortError, error) {
	log, err := a.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	last, found, err := a.heads().Head(log.LogID)
	if err != nil || !found || last.Generation < log.Generation {
		return nil, err
	}
	short := &ShortError{
		Connection: a.Connection, Position: log.Position, Head: last.Size, Generation: last.Generation, At: time.UnixMicro(last.At).UTC(),
	}
	if last.Generation > log.Generation || last.Size > log.Position {
		return short, nil
	}
	root, err := seal.NewTree(a.Store, a.Connection).Root(ctx, last.Size)
	if err == nil && root != last.Root {
		return short, nil
	}
	return nil, nil //nolint:nilerr // what is not folded into the tree yet is no less for that
}

// ShortError is a log that is not what its last signed head, kept outside the database, says of it.
type ShortError struct {
	Connection                 string
	Position, Head, Generation int64 // where it ends, how many events the head speaks for, and of which generation
	At                         time.Time
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("the log of %s ends at #%d, and is not the one whose head of %d events was signed on %s: the database was put "+
		"back to an earlier time; duolog recover has it go on from there", e.Connection, e.Position, e.Head, e.At.Format(time.RFC3339))
}

// notShortened refuses a log that was put back behind our back: what it forgot would be done again, and its next events be
// taken for those that are lost.
func (a *App) notShortened(ctx context.Context) error {
	short, err := a.shortened(ctx)
	if err == nil && short != nil {
		err = fmt.Errorf("%w: %w", ErrRefused, short)
	}
	return err
}

// closureAgain is what an erasure takes when it is made again.
func (a *App) closureAgain(ctx context.Context, e kept.Entry, s standing) (closure, error) {
	c := closure{records: s.records, raw: e.Subjects}
	parked, err := ingest.ParkedBodies(ctx, a.Store, a.Log)
	c.parked = slices.DeleteFunc(parked, func(p ingest.ParkedBody) bool { return !slices.Contains(e.Subjects, p.Subject) })
	return c, err
}
