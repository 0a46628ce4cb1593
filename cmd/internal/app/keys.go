package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/rekey"
	"github.com/duolog/duolog/projections/lease"
)

// masterName tells acts about the master key from those about the key that signs heads.
const masterName = domain.ExportedMaster

// Keys says how the master key stands.
type Keys struct {
	Key  string `json:"key"`
	File string `json:"file"`
	// Rotating is the key that is being replaced; both are good meanwhile.
	Rotating string `json:"rotating,omitempty"`
	// Wrapped counts what each key wraps, by its id.
	Wrapped map[string]int64 `json:"wrapped"`
	// Exported: this key was written to a file for safekeeping.
	Exported bool `json:"exported"`
	// Old is the file the old key was put in when a rotation ended.
	Old string `json:"old_file,omitempty"`
	// Running: a rotation cannot end while this connection is served.
	Running string `json:"running,omitempty"`
}

// Keys looks.
func (a *App) Keys(ctx context.Context) (Keys, error) {
	a.key.Reload()
	k := Keys{Key: a.key.ID(), File: a.MasterKeyFile, Rotating: a.key.Rotating(), Wrapped: map[string]int64{}}
	rows, err := a.Store.Query(ctx, `SELECT master_id, COUNT(*) FROM (SELECT master_id FROM log_head UNION ALL
		SELECT master_id FROM subject_key WHERE wrapped IS NOT NULL) AS held GROUP BY master_id ORDER BY master_id`)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		var id string
		var n int64
		err = r.Scan(&id, &n)
		k.Wrapped[id] = n
		return none, err
	})
	if err != nil {
		return k, fmt.Errorf("count wrapped keys: %w", err)
	}
	k.Exported, err = a.exported(ctx, k.Key)
	return k, err
}

// exported tells whether an act says that the key was written to a file.
func (a *App) exported(ctx context.Context, id string) (bool, error) {
	rows, err := a.Store.Query(ctx, "SELECT position FROM append_key WHERE connection = $1 AND key = $2",
		a.Connection, a.exportKey(id))
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	return len(found) > 0, err
}

// keeping warns while nobody said that the master key is kept anywhere else.
func (a *App) keeping(ctx context.Context) (Finding, error) {
	a.key.Reload()
	id := a.key.ID()
	done, err := a.exported(ctx, id)
	f := Finding{Name: "master key", OK: true, Detail: id + " was exported for safekeeping"}
	if !done {
		f.Warning, f.Detail = true, id+" has no copy that duolog keys export made: when "+a.MasterKeyFile+" is lost, everything is"
		f.Fix = "duolog keys export FILE --reason WHY, and keep that apart from database and backups"
	}
	return f, err
}

func (a *App) exportKey(id string) []byte { return a.Log.Vault().Blind("master key exported", id) }

// ExportKey writes the master key to a new file, for safekeeping, and says so in the log.
func (a *App) ExportKey(ctx context.Context, path string, by httpapi.By) (Keys, error) {
	if err := a.key.Save(path); err != nil {
		return Keys{}, fmt.Errorf("export the master key: %w", err)
	}
	e, err := a.act(domain.ExportMade, streamConnection, domain.Act{
		Reason: by.Reason, Name: masterName, Key: a.key.ID(), Export: &domain.Export{},
	}, by)
	if err != nil {
		return Keys{}, err
	}
	e.Key = a.exportKey(a.key.ID())
	if _, err := a.append(ctx, e); err != nil {
		return Keys{}, err
	}
	return a.Keys(ctx)
}

// RotateKey gives every key and secret of the database another master key. While it lasts, and while any connection is
// served, both keys are good; then the old one is put aside. One that was cut short is gone on with.
func (a *App) RotateKey(ctx context.Context, by httpapi.By, p Progress) (Keys, error) {
	if err := a.key.BeginRotation(); err != nil {
		return Keys{}, fmt.Errorf("rotate the master key: %w", err)
	}
	names, err := a.Store.Connections(ctx)
	if err != nil {
		return Keys{}, err
	}
	for _, name := range names {
		if err := a.rewrap(ctx, name, by, p); err != nil {
			return Keys{}, err
		}
	}
	running, left, err := a.wrapping(ctx, names)
	if err != nil {
		return Keys{}, err
	}
	old := ""
	if running == "" && left == 0 {
		if old, err = a.key.EndRotation(); err != nil {
			return Keys{}, fmt.Errorf("put the old master key aside: %w", err)
		}
		for _, name := range names { // of who had not heard of it, and wrapped by the old one in this very moment
			if err := a.rewrap(ctx, name, by, p); err != nil {
				return Keys{}, err
			}
		}
	}
	k, err := a.Keys(ctx)
	k.Old, k.Running = old, running
	return k, err
}

// wrapping names a connection that is served, and counts what the old key wraps still: whoever had not heard of the new
// one may have made keys since they were looked through.
func (a *App) wrapping(ctx context.Context, names []string) (running string, left int64, err error) {
	for _, name := range names {
		alive, err := lease.Alive(ctx, a.Store, name)
		if err != nil {
			return "", 0, err
		}
		if alive {
			running = name
		}
	}
	for _, name := range names { // nobody who is served is left to make more
		n, err := rekey.Left(ctx, a.Store, name, a.key.ID())
		if err != nil {
			return "", 0, err
		}
		left += n
	}
	return running, left, nil
}

// rewrap is the rotation of one connection.
func (a *App) rewrap(ctx context.Context, name string, by httpapi.By, p Progress) error {
	b := a
	if name != a.Connection {
		var err error
		if b, err = a.beside(ctx, a.For(name)); err != nil {
			return err
		}
	}
	err := rekey.Rewrap{DB: a.Store, Connection: name, Key: a.key, Progress: p.of("wrap keys of " + name)}.Run(ctx)
	if err != nil || strings.HasPrefix(name, BenchPrefix) {
		return err
	}
	e, err := b.act(domain.KeyRotated, streamConnection, domain.Act{Reason: by.Reason, Name: masterName, Key: a.key.ID()}, by)
	if err != nil {
		return err
	}
	e.Key = b.Log.Vault().Blind("master key rotated", a.key.ID())
	_, err = b.append(ctx, e)
	return err
}
