package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/lease"
)

// byItself is the actor of what Duolog does unasked.
const byItself = "duolog"

// refreshAgain is how long after a refresh that failed it is tried again.
const refreshAgain = time.Hour

// keepCatalogs carries out the pulls people ask for and those that are due, while this process owns the connection.
func (e *engine) keepCatalogs(ctx context.Context, h *lease.Handle) error {
	var looked time.Time
	return e.attend(ctx, "catalogs", func() error {
		control := *e.control.Load()
		if control.Mode == domain.ModeOff || control.Settings.Version == 0 {
			return nil // nothing is read
		}
		for _, op := range control.Operations {
			if err := e.pull(ctx, h, op); err != nil {
				return err
			}
		}
		if time.Since(looked) < lookForDue {
			return nil // the state moves with each page that is planned, and what is due is read from the tables
		}
		looked = time.Now()
		return e.startDue(ctx, control.Settings)
	})
}

// startDue starts the pulls whose time has come. The moment a run is due is worked out from the log alone and is the
// key of its start: however often owners change, each is started once.
func (e *engine) startDue(ctx context.Context, s settings.Settings) error {
	runs, err := e.Catalogs.Runs(ctx)
	if err != nil {
		return err
	}
	for _, p := range catalogs.Pulls {
		at, ok := due(runs[p.Name], s.Catalogs.RefreshAt, s.Env().Zone)
		if !ok || at.After(e.now()) {
			continue
		}
		act, err := e.act(domain.OperationStarted, streamConnection, domain.Act{
			Name: catalogs.Operation(p.Name), Reason: "daily refresh",
		}, httpapi.By{Actor: byItself})
		if err != nil {
			return err
		}
		key := e.Log.Vault().Blind("catalog refresh", fmt.Sprint(p.Name, " ", at.UnixMicro()))
		if _, err := e.Log.Append(ctx, once(act, key)); err != nil {
			return err
		}
	}
	return nil
}

// due is when a pull is to run next, by the times its last run has in the log, each day at a time of the zone's such as
// "17:00"; false while one is under way, and always when there is no such time.
func due(last catalogs.Run, daily string, zone *time.Location) (time.Time, bool) {
	clock, err := time.Parse(settings.ClockLayout, daily)
	switch {
	case err != nil:
		return time.Time{}, false
	case last.StartedAt.IsZero():
		return time.UnixMicro(0), true
	case last.StartedAt.After(last.EndedAt):
		return time.Time{}, false
	case last.Failure != "":
		return last.EndedAt.Add(refreshAgain), true
	}
	y, m, d := last.StartedAt.In(zone).Date()
	at := time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, zone)
	if !at.After(last.StartedAt) {
		at = time.Date(y, m, d+1, clock.Hour(), clock.Minute(), 0, 0, zone)
	}
	return at, true
}

// StartPull has the owner of the connection pull catalogs from their system, and does not wait for it.
func (a *App) StartPull(ctx context.Context, name string, by httpapi.By) (httpapi.Done, error) {
	if catalogs.PullNamed(name) == nil {
		return httpapi.Done{}, fmt.Errorf("there is no pull of this name: %w", httpapi.ErrNotFound)
	}
	control, _, err := a.InForce(ctx)
	if err != nil {
		return httpapi.Done{}, err
	}
	if control.Mode == domain.ModeOff {
		return httpapi.Done{}, fmt.Errorf("the mode is off, and nothing is read then; mode observe reads and sends nothing: %w",
			httpapi.ErrConflict)
	}
	return a.Act(ctx, domain.OperationStarted, domain.Act{Name: catalogs.Operation(name), Reason: by.Reason}, by)
}

// Pull pulls catalogs and waits for the end. When nobody owns the connection, this process does it. The act that ended
// it holds the counts, and as its reason why it failed.
func (a *App) Pull(ctx context.Context, name string, by httpapi.By, progress func(seconds int64, what string)) (domain.Act, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return domain.Act{}, err
	}
	done, err := a.StartPull(ctx, name, by)
	if err != nil {
		return domain.Act{}, err
	}
	id, err := ulid.ParseStrict(done.ID)
	if err != nil {
		return domain.Act{}, fmt.Errorf("id of the pull: %w", err)
	}
	op := planner.Operation{ID: id, Name: catalogs.Operation(name), Position: done.Position}
	var end domain.Act
	work := func(ctx context.Context) error { return e.pullInLine(ctx, op) }
	err = alongside(ctx, work, func(ctx context.Context, worker <-chan error) (err error) {
		end, err = a.awaitEnd(ctx, done.ID, done.Position, worker, "pulling", progress)
		return err
	})
	if err != nil {
		return end, err
	}
	return end, a.Runner.CatchUpOf(ctx, catalogs.Name)
}

// pullInLine carries the operation out once nobody else owns the connection, and keeps it until ctx ends. Nothing else
// is done: an owner who came to sync would begin with hours of baseline.
func (e *engine) pullInLine(ctx context.Context, op planner.Operation) error {
	k := &lease.Keeper{DB: e.Store, Logger: e.Logger}
	return k.Run(ctx, e.Connection, e.NewID().String(), func(ctx context.Context, h *lease.Handle) error {
		opened, done, err := e.opening(ctx)
		if err == nil && !done {
			err = errors.New("this connection was never opened: run duolog serve first")
		}
		if err != nil {
			return err
		}
		portal, account, err := e.identify(ctx)
		if err == nil {
			err = sameAccounts(opened, portal, account)
		}
		if err != nil {
			return err
		}
		if err := e.pull(ctx, h, op); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

// Declare says which entry of Aloware stands for one of HubSpot, for what Aloware cannot list; an empty hubspot takes
// that back. The label is what it is called in Aloware, if it is to be known.
func (a *App) Declare(ctx context.Context, view string, d httpapi.Declaration, by httpapi.By) (httpapi.Done, error) {
	v := catalogs.ViewNamed(view)
	switch {
	case v == nil:
		return httpapi.Done{}, fmt.Errorf("there is no catalog of this name: %w", httpapi.ErrNotFound)
	case !v.Declared():
		return httpapi.Done{}, fmt.Errorf("%w: %s cannot be declared: only contact-dispositions and call-dispositions, "+
			"which Aloware does not list", httpapi.ErrBadInput, view)
	}
	if err := a.Runner.CatchUpOf(ctx, catalogs.Name); err != nil {
		return httpapi.Done{}, err
	}
	if err := a.mayDeclare(ctx, *v, d); err != nil {
		return httpapi.Done{}, err
	}
	fact := domain.CatalogFact{
		System: domain.Aloware, Catalog: v.Aloware, ID: d.Aloware, Via: domain.ViaDeclared, Clock: a.now().UnixMicro(),
		Gone: d.HubSpot == "", Reason: by.Reason, Entry: domain.CatalogEntry{Label: d.Label, HubSpot: d.HubSpot},
	}
	if fact.Gone {
		fact.Entry = domain.CatalogEntry{}
	}
	e, err := a.act(domain.CatalogObserved, domain.CatalogStream(domain.Aloware, v.Aloware), fact, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	return a.append(ctx, e)
}

// mayDeclare refuses what would make the two sides ambiguous.
func (a *App) mayDeclare(ctx context.Context, v catalogs.ViewSpec, d httpapi.Declaration) error {
	declared, err := a.Catalogs.Entries(ctx, catalogs.Source{System: domain.Aloware, Catalog: v.Aloware})
	if err != nil {
		return err
	}
	there := false
	for _, e := range declared {
		there = there || e.ID == d.Aloware && e.GoneAt == nil
		if e.GoneAt == nil && e.HubSpot == d.HubSpot && e.ID != d.Aloware && d.HubSpot != "" {
			return fmt.Errorf("%w: %s in Aloware stands for it already; take that back first", httpapi.ErrConflict, e.ID)
		}
	}
	if d.HubSpot == "" {
		if !there {
			return fmt.Errorf("nothing was declared of this id in Aloware: %w", httpapi.ErrNotFound)
		}
		return nil
	}
	found, err := a.Catalogs.ByID(ctx, catalogs.Source{System: domain.HubSpot, Catalog: v.HubSpot[0]}, d.HubSpot)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("HubSpot lists no such entry; pull %s first: %w", v.Pull, httpapi.ErrNotFound)
	}
	return err
}
