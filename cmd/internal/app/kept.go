package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"

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
		Contact: a.Contact, Streams: []string{}, Subjects: a.Subjects, Identifiers: a.Identifiers, Cause: a.Cause,
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
