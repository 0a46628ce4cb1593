package app_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections/contacts"
)

// TestMovedThereAndBack: a log that goes from SQLite to PostgreSQL and back is the same in every position, hash and head,
// is read as before, and goes on; where it was it takes nothing more.
func TestMovedThereAndBack(t *testing.T) {
	t.Parallel()
	r := start(t, plan{people: sandboxkit.People(9, 6)})
	r.settle()
	_, err := r.Seal(t.Context())
	r.must(err)
	dir, by := t.TempDir(), httpapi.By{Actor: "test"}
	first, there, back := r.config, r.config, r.config
	there.DatabaseURL, there.MasterKeyFile = eventstoretest.PostgresURL(t), filepath.Join(dir, "there.key")
	back.DatabaseURL, back.MasterKeyFile = "sqlite:"+filepath.Join(dir, "back.db"), filepath.Join(dir, "back.key")
	if _, err := app.Move(t.Context(), first, there, app.CopyOptions{By: by}, r.logger); !errors.Is(err, app.ErrServed) {
		t.Fatal("while it is served:", err)
	}
	want := r.listed(r.node)
	r.stop()
	done, err := app.Move(t.Context(), first, there, app.CopyOptions{By: by}, r.logger)
	r.must(err)
	if _, err = app.Move(t.Context(), first, back, app.CopyOptions{By: by}, r.logger); !errors.Is(err, eventstore.ErrClosed) {
		t.Error("moved to a second place:", err)
	}
	again, err := app.Move(t.Context(), there, back, app.CopyOptions{By: by}, r.logger)
	if err != nil || again.Events() != done.Events()+1 || again.Logs[0].Generation != 1 {
		t.Fatalf("back: %+v of %+v, %v", again, done, err)
	}
	r.node = r.aside() // on the first one
	if _, err := r.Pause(t.Context(), by); !errors.Is(err, eventstore.ErrClosed) {
		t.Error("where it was it goes on:", err)
	}
	if err := r.Looked(t.Context(), "a contact", by); !errors.Is(err, eventstore.ErrClosed) || !strings.Contains(err.Error(), there.Database()) {
		t.Error("where to look instead is not said:", err)
	}
	was := r.node
	r.config = back
	r.node = r.aside()
	r.must(transfer.Compare(t.Context(), was.Store, r.Store, "default", done.Events()))
	if got := r.listed(r.node); !reflect.DeepEqual(got, want) {
		t.Errorf("contacts are read as %+v, were %+v", got, want)
	}
	r.node = r.boot()
	_, err = r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	r.twin(adaPhone)
	r.agreed()
	r.verified()
}

// listed are the contacts as they are read.
func (r *rig) listed(n *node) []contacts.Contact {
	r.t.Helper()
	r.must(n.CatchUp(r.t.Context()))
	all, err := n.Contacts.List(r.t.Context(), contacts.Filter{Limit: 100})
	r.must(err)
	return all
}
